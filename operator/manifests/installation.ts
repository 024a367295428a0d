import { parse } from 'yaml';
import { allResources } from '../api/resources.ts';
import { crdText } from '../crds/crd-text.ts';
import { type ManifestFiles, manifestFiles } from './manifest-files.ts';

/** What is installed, in the order of installation. */
export type InstallationPart = 'crds' | 'operator' | 'webhooks';

/** All parts of an installation. */
export const installationParts: readonly InstallationPart[] = ['crds', 'operator', 'webhooks'];

/** What is installed. */
export interface InstallationOptions {
  /** All by default. */
  readonly parts?: readonly InstallationPart[];
  /** The image of the operator, in place of the example in deploy/operator. */
  readonly image?: string;
}

/**
 * Not for every cluster: the addresses of the API servers must be written into the first (with the
 * example in it no webhook can be reached), and the second is for Kubernetes before 1.22.
 */
const notForAll: ReadonlySet<string> = new Set(['network-policy.yaml', 'namespace-webhook.yaml']);

/** Whether the objects of a file of deploy/operator are for every cluster. */
export function isForAll(file: string): boolean {
  return !notForAll.has(file);
}

/** The image that the Deployment names until it is replaced. */
const exampleImage = /(?<=^ *(?:- )?image: )registry\.example\.com\/fairlead:\S+$/gm;

/**
 * Returns what makes the operator run in a cluster, as manifests in YAML. What others need is
 * before them. The webhooks are last: from then on the API server calls the operator.
 */
export function installation(
  { parts = installationParts, image }: InstallationOptions,
  files: ManifestFiles = manifestFiles(),
): string {
  const texts = Object.entries(files).flatMap(([name, text]) => (isForAll(name) ? documentsOf(text) : []));
  const documents = [...texts, ...allResources.map(crdText)]
    .map((text) => ({ text, kind: kindOf(text) }))
    .filter(({ kind }) => parts.includes(partOf(kind)))
    .toSorted((one, other) => rank(one.kind) - rank(other.kind));
  const text = documents.map((document) => document.text).join('---\n');
  return image === undefined ? text : text.replaceAll(exampleImage, () => image);
}

/** Returns the documents of a file, each with its comments and a line end. */
export function documentsOf(text: string): string[] {
  return text
    .split(/^---\n/m)
    .filter((document) => parse(document) !== null)
    .map((document) => `${document.trimEnd()}\n`);
}

function kindOf(text: string): string {
  const { kind } = parse(text) as { readonly kind: string };
  return kind;
}

function partOf(kind: string): InstallationPart {
  if (kind === 'CustomResourceDefinition') return 'crds';
  return kind.endsWith('WebhookConfiguration') ? 'webhooks' : 'operator';
}

function rank(kind: string): number {
  // Within its part, the namespace is before what is in it, and the Deployment after what it uses.
  const within = kind === 'Namespace' ? 0 : kind === 'Deployment' ? 2 : 1;
  return 3 * installationParts.indexOf(partOf(kind)) + within;
}
