#!/bin/sh
# Restarts Deployment web and counts what its clients get meanwhile: eight of them, one request after the other.
# The requests go through the API server, which picks a ready endpoint of the Service, so no kube-proxy is needed.
set -eu
service=/api/v1/namespaces/$(kubectl config view --minify -o jsonpath='{..namespace}')/services/web
over=$(mktemp -u)
trap 'touch "$over"' EXIT

before=$(kubectl get pods -l app=web -o name)
{
	for _ in 1 2 3 4 5 6 7 8; do
		while [ ! -e "$over" ]; do kubectl get --raw "$service/proxy/cgi-bin/work" 2>&1 || true; done &
	done
	kubectl rollout restart deployment/web >&2
	kubectl rollout status deployment/web >/dev/null
	# shellcheck disable=SC2086 # one word for each Pod
	kubectl wait --for=delete --timeout=120s $before >/dev/null
	touch "$over"
	wait
} | sed 's/.*: //' | sort | uniq -c
rm "$over"
trap - EXIT
