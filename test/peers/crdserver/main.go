// crdserver serves custom resources as Kubernetes does, and nothing else: it is the apiextensions-apiserver, which
// every kube-apiserver contains, with an answer of its own at /api and /apis. In a cluster the aggregator answers
// there, and without an answer neither kubectl nor client libraries find any API.
package main

import (
	"encoding/json"
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	"k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
	naming "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/component-base/cli"
)

func main() {
	settings := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	command := &cobra.Command{
		Use: "crdserver",
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return settings.ServerRunOptions.ComponentGlobalsRegistry.Set()
		},
		RunE: func(command *cobra.Command, _ []string) error { return run(command, settings) },
	}
	command.SetContext(server.SetupSignalContext())
	settings.AddFlags(command.Flags())
	os.Exit(cli.Run(command))
}

func run(command *cobra.Command, settings *options.CustomResourceDefinitionsServerOptions) error {
	if err := settings.Complete(); err != nil {
		return err
	}
	if err := settings.Validate(); err != nil {
		return err
	}
	config, err := settings.Config()
	if err != nil {
		return err
	}
	names := naming.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	config.GenericConfig.OpenAPIConfig = server.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, names)
	roots := &discoveryRoots{}
	config.GenericConfig.BuildHandlerChainFunc = func(next http.Handler, config *server.Config) http.Handler {
		return server.DefaultBuildHandlerChain(roots.before(next), config)
	}
	if roots.server, err = config.Complete().New(server.NewEmptyDelegate()); err != nil {
		return err
	}
	return roots.server.GenericAPIServer.PrepareRun().RunWithContext(command.Context())
}

// discoveryRoots answers what the aggregator of a cluster does: which groups there are.
type discoveryRoots struct {
	server *apiserver.CustomResourceDefinitions
}

func (roots *discoveryRoots) before(next http.Handler) http.Handler {
	core := metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{}}
	noCore := aggregated.NewResourceManager("api")
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/api":
			answer(core, noCore).ServeHTTP(response, request)
		case "/apis":
			groups, err := roots.groups()
			if err != nil {
				http.Error(response, err.Error(), http.StatusInternalServerError)
				return
			}
			answer(groups, roots.server.GenericAPIServer.AggregatedDiscoveryGroupManager).ServeHTTP(response, request)
		default:
			next.ServeHTTP(response, request)
		}
	})
}

// answer serves the list of old clients and, by content negotiation, the aggregated one of new clients.
func answer(list any, manager aggregated.ResourceManager) http.Handler {
	return aggregated.WrapAggregatedDiscoveryToHandler(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		json.NewEncoder(response).Encode(list)
	}), manager, nil)
}

func (roots *discoveryRoots) groups() (*metav1.APIGroupList, error) {
	definitions, err := roots.server.Informers.Apiextensions().V1().CustomResourceDefinitions().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	versions := map[string][]string{"apiextensions.k8s.io": {"v1"}}
	for _, definition := range definitions {
		for _, version := range definition.Spec.Versions {
			if version.Served && !contains(versions[definition.Spec.Group], version.Name) {
				versions[definition.Spec.Group] = append(versions[definition.Spec.Group], version.Name)
			}
		}
	}
	list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for name, served := range versions {
		group := metav1.APIGroup{Name: name}
		for _, version := range served {
			group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{GroupVersion: name + "/" + version, Version: version})
		}
		group.PreferredVersion = group.Versions[0]
		list.Groups = append(list.Groups, group)
	}
	return list, nil
}

func contains(all []string, one string) bool {
	for _, each := range all {
		if each == one {
			return true
		}
	}
	return false
}
