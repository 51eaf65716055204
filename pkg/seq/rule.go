package seq

// Rule is what a rule of the reconstruction is to a reader: from which observation it concludes which message, and why.
type Rule struct {
	Name    string // as JSON has it; it does not change
	Trigger string // the observation it starts from
	Proves  string // why the observation is evidence
	Gist    string // what a learner should know, in one line of at most 67 characters, which fits a terminal of 80
	Explain string // the same in full
	Doc     string // address of a page of the documentation of Kubernetes or Docker
	Source  string // where Explain was checked: a file, and a word in it, in each supported version
}
