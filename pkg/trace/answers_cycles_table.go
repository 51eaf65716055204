package trace

// The table of what repeats.

import "strings"

// cycleRow is one row of the table: what happens each time, and what would end it. {container} is that of the cycle,
// and {what} what it is about beside that.
type cycleRow struct{ name, what, until string }

// Rows of the table. Those of a container's starts have others within them: what repeats during one of its lives, or
// while it waits for a pull.
var (
	cycleRestart = &cycleRow{"restart", "container {container} is started again", "container {container} stays up"}
	cyclePull    = &cycleRow{"pull", "the pull for container {container} fails", "the image of {container} can be pulled"}
	cycleCreate  = &cycleRow{"create", "container {container} cannot be made", "container {container} can be made"}

	cycleSandboxAgain = &cycleRow{"sandbox-again", "the sandbox is made again", "a sandbox stays"}
	cycleSandbox      = &cycleRow{"sandbox", "the sandbox cannot be made", "the sandbox is up"}
	cycleSchedule     = &cycleRow{"schedule", "no node fits", "a node fits"}
	cycleRefused      = &cycleRow{"refused", "what it makes is refused", "what it makes is admitted"}
	cycleProbe        = &cycleRow{"probe", "the {what} probe of container {container} fails", "the {what} probe succeeds"}
	cycleTrouble      = &cycleRow{"trouble", "Event {what}", "{what} is over"}
)

// cycleRows are all, those first that have others within them.
var cycleRows = []*cycleRow{cycleRestart, cyclePull, cycleCreate, cycleSandboxAgain, cycleSandbox, cycleSchedule,
	cycleRefused, cycleProbe, cycleTrouble}

// filled is a text of the row, of one cycle.
func (id cycleID) filled(text string) string {
	return strings.NewReplacer("{container}", id.container, "{what}", id.what).Replace(text)
}
