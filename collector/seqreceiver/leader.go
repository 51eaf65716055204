package seqreceiver

// One of several replicas follows the cluster.

import (
	"context"
	"os"
	"time"

	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Those of Kubernetes' own components: after leaseDuration without a word of the leader, another one leads.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// lead does the work while this replica leads, until the context ends. Without an election it always does.
func (r *seqReceiver) lead(ctx context.Context, work func(context.Context)) {
	if !r.config.LeaderElection {
		work(ctx)
		return
	}
	host, _ := os.Hostname()
	id := host + "_" + string(uuid.NewUUID())
	for ctx.Err() == nil {
		leading := make(chan context.Context)
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{Client: r.cluster.all.CoordinationV1(),
				LeaseMeta:  metav1.ObjectMeta{Namespace: stateNamespace(r.config), Name: r.config.State.Name},
				LockConfig: resourcelock.ResourceLockConfig{Identity: id}},
			LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
			Name: r.config.State.Name,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					select {
					case leading <- ctx:
					case <-ctx.Done():
					}
				},
				OnStoppedLeading: func() {},
			}})
		if err != nil {
			r.trouble(err)
			return
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			elector.Run(ctx)
		}()
		select {
		case leads := <-leading:
			r.logger.Info("Leads: follows the cluster", zap.String("id", id))
			work(leads)
		case <-ended:
		}
		<-ended
	}
}
