package trace

var workloadPhases = []phase{}
