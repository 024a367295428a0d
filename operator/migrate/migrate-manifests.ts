import * as v from 'valibot';
import { type FairleadError, toFairleadError } from '#lib/errors';
import { securityProfilesOperatorDaemonSchema } from '../api/securityprofilesoperatordaemon/v1.ts';
import { defaultSettings, settingsOf, type ValidationSettings } from '../validate/settings.ts';
import { linesOf, readManifests, type SourceDocument } from './document.ts';
import type { FieldValue, MigratedObject } from './findings.ts';
import { describeObject, Inventory } from './inventory.ts';
import { inCurrentVersion, isResource, kindOf, migrateResource, type ResourceContext } from './migrate-resource.ts';
import type { Change, Decision, Field, ManifestFile, MigratedFile, Notice } from './migration.ts';
import { contestProfiles, migrateReferences } from './references.ts';
import { at, below, isList, isObject, type Json, type JsonObject, textAt, toJson } from './value.ts';
import { writeDocument } from './write-document.ts';

/** The files after the migration, and those that could not be read. */
export interface Migration {
  readonly files: readonly MigratedFile[];
  readonly unread: readonly { readonly file: string; readonly error: FairleadError }[];
}

/**
 * Migrates manifests of the Security Profiles Operator, of before and after its 1.0, to the
 * versions that Fairlead stores. Names are compared across all files: give the manifests of one
 * cluster together. An object about which something must be decided stays as it is.
 */
export function migrateManifests(files: readonly ManifestFile[]): Migration {
  const unread: Migration['unread'][number][] = [];
  const read = files.flatMap((file) => {
    try {
      return [{ file, documents: readManifests(file) }];
    } catch (thrown) {
      unread.push({ file: file.name, error: toFairleadError(thrown) });
      return [];
    }
  });
  const inventory = new Inventory();
  let usesRegistry = false;
  const daemons: JsonObject[] = [];
  for (const { file, documents } of read) {
    for (const document of documents) {
      const objects = objectsOf(document.value).filter(({ object }) => isResource(object));
      const lines = linesOf(
        document,
        objects.map(({ pointer }) => below(pointer, 'metadata')),
      );
      for (const [index, { object }] of objects.entries()) {
        // What cannot be migrated is there, and may be what a reference means.
        const next = inCurrentVersion(object) ?? object;
        if (kindOf(object) === 'SecurityProfilesOperatorDaemon') daemons.push(next);
        const place = `${file.name}:${lines[index]}`;
        inventory.add({ ...object, kind: kindOf(object) }, at(next, 'spec') ?? null, place);
        if (textAt(next, 'spec', 'baseProfileName')?.startsWith('oci://') === true) usesRegistry = true;
      }
    }
  }
  for (const { file, documents } of read) {
    for (const document of documents) {
      for (const { object, pointer } of objectsOf(document.value)) {
        if (isResource(object)) continue;
        contestProfiles(object, inventory, (place) => `${file.name}:${linesOf(document, [pointer + place])[0]}`);
      }
    }
  }
  return {
    files: read.map(({ file, documents }) =>
      migrateFile(file, documents, inventory, { usesRegistry, settings: settingsIn(daemons) }),
    ),
    unread,
  };
}

/** Returns the settings of the only daemon; with several clusters in the files, the defaults. */
function settingsIn(daemons: readonly JsonObject[]): ValidationSettings {
  const [daemon, ...others] = daemons.map((each) => v.safeParse(securityProfilesOperatorDaemonSchema, each));
  return daemon?.success === true && others.length === 0 ? settingsOf(daemon.output) : defaultSettings;
}

interface Findings {
  readonly changes: Change[];
  readonly decisions: Decision[];
  readonly notices: Notice[];
}

function migrateFile(
  { name }: ManifestFile,
  documents: readonly SourceDocument[],
  inventory: Inventory,
  context: ResourceContext,
): MigratedFile {
  const findings: Findings = { changes: [], decisions: [], notices: [] };
  const text = documents.map((document) => migrateDocument(name, document, inventory, context, findings)).join('');
  findings.changes.sort((one, other) => one.line - other.line);
  return { name, text, ...findings, isManifest: documents.some(({ isManifest }) => isManifest) };
}

function migrateDocument(
  file: string,
  document: SourceDocument,
  inventory: Inventory,
  context: ResourceContext,
  findings: Findings,
): string {
  const { value } = document;
  if (document.isTemplate === true) findings.decisions.push(template(file, document));
  if (value === undefined) return document.text;
  const results = objectsOf(value).map(({ object, pointer }) => ({
    object,
    pointer,
    result: isResource(object) ? migrateResource(object, inventory, context) : migrateReferences(object, inventory),
  }));
  report(file, document, results, findings);
  if (results.every(({ object, result }) => result.object === object)) return document.text;
  const objects = results.map(({ result }) => result.object);
  const items = at(value, 'items');
  const isWhole = results[0]?.pointer === '';
  let taken = 0;
  const next: Json = isWhole
    ? (objects[0] ?? value)
    : {
        ...(value as JsonObject),
        items: (isList(items) ? items : []).map((item) => (isObject(item) ? (objects[taken++] ?? item) : item)),
      };
  const moves = results.flatMap(({ pointer, result }) =>
    result.moves.map(({ from, to }) => ({ from: pointer + from, to: pointer + to })),
  );
  const { text, isRendered } = writeDocument(document, next, moves);
  if (isRendered) {
    const message = 'comments and layout of this document could not be kept';
    findings.notices.push({
      file,
      line: document.linesBefore + 1,
      object: describeObject(value),
      code: 'layout-lost',
      pointer: '',
      message,
    });
  }
  return text;
}

/** Returns the decision on a template, of which only the result can be read. */
function template(file: string, { linesBefore }: SourceDocument): Decision {
  return {
    file,
    line: linesBefore + 1,
    object: 'template',
    code: 'template',
    pointer: '',
    message: 'it has something of SPO before 1.0, and only what it renders can be migrated',
    choices: [
      'Render it, see what changes, and change the template: helm template CHART | fairlead migrate --check -',
      'Migrate what it renders whenever it is applied: helm template CHART | fairlead migrate - | kubectl apply -f -',
    ],
  };
}

interface Result {
  readonly object: JsonObject;
  readonly pointer: string;
  readonly result: MigratedObject;
}

/** Adds the findings of the objects in a document, with their places. */
function report(file: string, document: SourceDocument, results: readonly Result[], findings: Findings): void {
  const wanted = results.flatMap(({ pointer, result: { changes, decisions, notices } }) =>
    [
      ...changes.map(({ from, to }) => (from ?? to)?.pointer ?? ''),
      ...[...decisions, ...notices].map((each) => each.pointer),
    ].map((place) => pointer + place),
  );
  const lines = new Map(linesOf(document, wanted).map((line, index) => [wanted[index], line]));
  for (const { object, pointer: prefix, result } of results) {
    const name = describeObject(object);
    const located = (pointer: string) => ({ file, line: lines.get(prefix + pointer) ?? 1, object: name });
    const field = ({ pointer, value }: FieldValue): Field => ({ pointer: prefix + pointer, value: toJson(value) });
    for (const { from, to, reason } of result.changes) {
      findings.changes.push({
        ...located((from ?? to)?.pointer ?? ''),
        ...(from && { from: field(from) }),
        ...(to && { to: field(to) }),
        reason,
      });
    }
    for (const each of result.decisions) {
      findings.decisions.push({ ...located(each.pointer), ...each, pointer: prefix + each.pointer });
    }
    for (const each of result.notices) {
      findings.notices.push({ ...located(each.pointer), ...each, pointer: prefix + each.pointer });
    }
  }
}

/** Returns the objects in a document: the items of a list, or the one that it is. */
function objectsOf(value: Json | undefined): readonly { readonly object: JsonObject; readonly pointer: string }[] {
  if (!isObject(value)) return [];
  const items = value['items'];
  if (textAt(value, 'kind')?.endsWith('List') !== true || !isList(items)) return [{ object: value, pointer: '' }];
  return items.flatMap((item, index) => (isObject(item) ? [{ object: item, pointer: `/items/${index}` }] : []));
}
