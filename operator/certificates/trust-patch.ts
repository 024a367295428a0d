import * as v from 'valibot';
import type { KubeObject } from '#lib/kube/kube-object';

/**
 * With one of these annotations, cert-manager or OpenShift writes the bundles of an object. An
 * operator that makes its own certificate is verified by its own authority only: the annotations
 * are of the previous owner of the object, such as the Security Profiles Operator.
 */
const injectors: readonly string[] = [
  'cert-manager.io/inject-ca-from',
  'cert-manager.io/inject-ca-from-secret',
  'cert-manager.io/inject-apiserver-ca',
  'service.beta.openshift.io/inject-cabundle',
];

/** A place in an object that has the certificates by which API servers verify a webhook. */
export interface BundlePlace {
  /** A JSON pointer. */
  readonly path: string;
  /** What must stand elsewhere in the object, so that the place is the same one. */
  readonly test: { readonly path: string; readonly value: string };
  /** As PEM in base64; undefined if the object has no bundle. */
  readonly bundle: string | undefined;
}

/** The part of an object that the operator holds in memory. */
export interface TrustingObject {
  readonly resourceVersion: string;
  readonly places: readonly BundlePlace[];
  /** Annotations by which others write the same places. */
  readonly injectors: readonly { readonly name: string; readonly value: string }[];
}

/** An operation of a JSON patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: 'test' | 'add'; readonly path: string; readonly value: string }
  | { readonly op: 'remove'; readonly path: string };

const clientConfig = v.object({ caBundle: v.optional(v.string()) });
const webhooks = v.object({ webhooks: v.nullable(v.array(v.object({ name: v.string(), clientConfig })), []) });
const conversion = v.object({
  spec: v.object({
    conversion: v.optional(
      v.object({ strategy: v.string(), webhook: v.optional(v.object({ clientConfig: v.optional(clientConfig) })) }),
    ),
  }),
});

/**
 * Returns where a MutatingWebhookConfiguration, ValidatingWebhookConfiguration or
 * CustomResourceDefinition has trust bundles: nowhere if a definition has no conversion webhook.
 * Throws for an object of another shape.
 */
export function parseTrustingObject(object: KubeObject): TrustingObject {
  const { resourceVersion, annotations = {} } = object.metadata;
  const places =
    object.kind === 'CustomResourceDefinition'
      ? conversionPlaces(v.parse(conversion, object))
      : webhookPlaces(v.parse(webhooks, object));
  const others = places.length === 0 ? [] : Object.entries(annotations).filter(([name]) => injectors.includes(name));
  return { resourceVersion, places, injectors: others.map(([name, value]) => ({ name, value })) };
}

/**
 * Returns the JSON patch that writes a bundle in place of others, and removes the annotations by
 * which others would write theirs again; empty if nothing is to be changed.
 */
export function trustPatch({ places, injectors }: TrustingObject, bundle: string): PatchOperation[] {
  const others = places.filter((place) => place.bundle !== bundle);
  return [
    ...injectors.flatMap(({ name, value }): PatchOperation[] => {
      const path = `/metadata/annotations/${name.replaceAll('/', '~1')}`;
      return [
        { op: 'test', path, value },
        { op: 'remove', path },
      ];
    }),
    ...others.flatMap(({ path, test }): PatchOperation[] => [
      { op: 'test', ...test },
      { op: 'add', path, value: bundle },
    ]),
  ];
}

function webhookPlaces(configuration: v.InferOutput<typeof webhooks>): BundlePlace[] {
  return (configuration.webhooks ?? []).map((webhook, at) => ({
    path: `/webhooks/${at}/clientConfig/caBundle`,
    test: { path: `/webhooks/${at}/name`, value: webhook.name },
    bundle: webhook.clientConfig.caBundle,
  }));
}

function conversionPlaces({ spec }: v.InferOutput<typeof conversion>): BundlePlace[] {
  const config = spec.conversion?.webhook?.clientConfig;
  if (spec.conversion?.strategy !== 'Webhook' || config === undefined) return [];
  return [
    {
      path: '/spec/conversion/webhook/clientConfig/caBundle',
      test: { path: '/spec/conversion/strategy', value: 'Webhook' },
      bundle: config.caBundle,
    },
  ];
}
