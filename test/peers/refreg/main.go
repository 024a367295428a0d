// Command refreg is a registry that answers the referrers API of the OCI distribution spec 1.1, for tests:
// the handler of go-containerregistry, with everything in memory.
//
// Usage: refreg ADDRESS
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: refreg ADDRESS")
		os.Exit(2)
	}
	handler := registry.New(registry.WithReferrersSupport(true))
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Args[1], handler))
	os.Exit(1)
}
