import { parse } from 'yaml';
import { resources } from '../api/resources.ts';
import { crdText } from '../crds/crd-text.ts';
import { type ManifestFiles, manifestFiles } from './manifest-files.ts';

/** What is installed. */
export interface InstallationOptions {
  /** Only the CustomResourceDefinitions. */
  readonly crds?: boolean;
  /** The image of the operator, in place of the example in deploy/operator. */
  readonly image?: string;
}

/** The image that the Deployment names until somebody writes another one. */
const exampleImage = /(?<=^ *(?:- )?image: )registry\.example\.com\/fairlead:\S+$/gm;

/** What others need is before them. What is not named here is between the two lists. */
const first = ['Namespace', 'CustomResourceDefinition'];
/** From the moment at which webhooks are there, the API server calls the operator. */
const last = ['Deployment', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

/** Returns everything that makes the operator run in a cluster, as manifests in YAML. */
export function installation(
  { crds = false, image }: InstallationOptions,
  files: ManifestFiles = manifestFiles(),
): string {
  const documents = [...Object.values(files).flatMap(documentsOf), ...resources.map(crdText)]
    .map((text) => ({ text, kind: kindOf(text) }))
    .filter(({ kind }) => !crds || kind === 'CustomResourceDefinition')
    .toSorted((one, other) => rank(one.kind) - rank(other.kind));
  const text = documents.map((document) => document.text).join('---\n');
  return image === undefined ? text : text.replaceAll(exampleImage, () => image);
}

/** Returns the documents of a file, each with its comments and a line end. */
function documentsOf(text: string): string[] {
  return text
    .split(/^---\n/m)
    .filter((document) => parse(document) !== null)
    .map((document) => `${document.trimEnd()}\n`);
}

function kindOf(text: string): string {
  const { kind } = parse(text) as { readonly kind: string };
  return kind;
}

function rank(kind: string): number {
  const early = first.indexOf(kind);
  if (early !== -1) return early - first.length;
  return last.indexOf(kind) + 1;
}
