// Package render turns steps into what people and programs read: listing, lanes, Mermaid, page and JSON. It chooses the
// words and the layout; what happened, when, and how sure that is, it takes from package trace as it is.
//
// Every string that came from a server or a file is escaped for where it goes.
package render
