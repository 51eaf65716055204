// Package watch turns an API server into observations: it watches the objects of a run and the Events about them, and
// traces the HTTP requests that this very program makes.
//
// The order is LIST, WATCH from the listed revision, then CREATE, so that nothing of the Pod's life can fall between.
// A watch that ends is taken up where it was; where the server no longer has that revision the state is listed anew and
// the observations carry a Gap.
package watch
