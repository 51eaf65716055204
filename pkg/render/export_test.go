package render

// Documents are the types of the documents of each output, by what their field "type" says.
var Documents = map[string]map[string]any{
	"run":        {"run": jsonRun{}, "pod": jsonPod{}, "step": jsonStep{}, "outcome": jsonOutcome{}},
	"comparison": {"comparison": jsonComparison{}, "phase": jsonCompPhase{}, "step": jsonCompStep{}},
}
