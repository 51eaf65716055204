package trace

// When a CronJob is due.

import (
	"time"

	"github.com/robfig/cron/v3"
)

// nextDue is when a schedule is due next, read as Kubernetes reads it. Without a zone it is taken for one in UTC, as
// the controller manager's own usually is. ok is false for what cannot be read.
func nextDue(schedule, zone string, now time.Time) (due time.Time, ok bool) {
	location, err := time.LoadLocation(zone) // empty for UTC
	if err != nil {
		return time.Time{}, false
	}
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		return time.Time{}, false
	}
	due = parsed.Next(now.In(location))
	return due, !due.IsZero()
}
