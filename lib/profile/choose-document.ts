import { FairleadError } from '#lib/errors';
import type { JsonNode } from './json/node.ts';
import { type JsonDocument, positionOf } from './json/read-json.ts';
import { resourceKinds } from './resource-kind.ts';

const group = 'security-profiles-operator.x-k8s.io/';

/**
 * Chooses the profile among the documents of a file, as kubectl takes it: one after the other, or
 * the items of a List. If there are several, `choice` is the name of one (metadata.name) or its
 * number, counted from 1; without it, resources of other API groups are skipped.
 *
 * @throws FairleadError InvalidInput that lists them, if none or several are meant; ProfileInvalid
 * for an empty List.
 */
export function chooseDocument(documents: readonly JsonDocument[], choice?: string): JsonDocument {
  const all = documents.flatMap(documentsOf);
  const [first] = documents;
  const [only, ...more] = all;
  if (first === undefined || only === undefined) {
    throw new FairleadError('ProfileInvalid', `${first?.source ?? 'the file'}: a List with no items`, {
      hint: 'Name an existing profile; kubectl get seccompprofiles lists them.',
    });
  }
  // A document without a name is not a resource, and is the only one in its file.
  if (choice === undefined || (more.length === 0 && nameOf(only) === undefined)) {
    const profiles = all.length === 1 ? all : all.filter(isCandidate);
    const [found, another] = profiles.length === 0 ? all : profiles;
    if (found !== undefined && another === undefined) return found;
    throw several(first.source, all, `has ${all.length} documents`);
  }
  const meant = all.filter((document, index) => choice === nameOf(document) || choice === String(index + 1));
  const [found, another] = meant;
  if (found !== undefined && another === undefined) return found;
  const which = JSON.stringify(choice);
  throw several(first.source, all, found === undefined ? `has no document ${which}` : `has several documents ${which}`);
}

/**
 * Returns the items of a List, as `kubectl get -o yaml` writes it, in their order; any other
 * document alone.
 */
export function documentsOf(document: JsonDocument): readonly JsonDocument[] {
  const items = member(document.root, 'items');
  if (!/^([A-Z][A-Za-z]*)?List$/.test(textOf(document.root, 'kind') ?? '') || items?.type !== 'array')
    return [document];
  return [...items.items].map((root) => ({ ...document, root }));
}

/**
 * Reports whether a document may be a profile: only a resource of another API group is certainly
 * not one.
 */
function isCandidate({ root }: JsonDocument): boolean {
  const [version, kind] = [textOf(root, 'apiVersion'), textOf(root, 'kind')];
  return version === undefined || kind === undefined || resourceKinds.has(kind) || version.startsWith(group);
}

function nameOf({ root }: JsonDocument): string | undefined {
  const metadata = member(root, 'metadata');
  return metadata && textOf(metadata, 'name');
}

function several(source: string, all: readonly JsonDocument[], fault: string): FairleadError {
  const details = all.map((document, index) => {
    const what = [textOf(document.root, 'kind') ?? 'a document without a kind', nameOf(document)].filter(Boolean);
    return `${index + 1}: ${what.join(' ')} (${positionOf(document, document.root.at)})`;
  });
  const left = details.length - 20;
  return new FairleadError('InvalidInput', `${source} ${fault}; only one is read at a time`, {
    details: left > 0 ? [...details.slice(0, 20), `and ${left} more`] : details,
    hint: 'Choose one by its name or number (`document`).',
  });
}

function textOf(node: JsonNode, name: string): string | undefined {
  const found = member(node, name);
  return found?.type === 'string' ? found.value : undefined;
}

function member(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}
