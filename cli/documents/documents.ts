import type { GenericSchema, InferOutput } from 'valibot';
import * as catalog from './catalog-documents.ts';
import * as cluster from './cluster-documents.ts';
import { migrate } from './migrate-document.ts';
import * as node from './node-documents.ts';
import * as profile from './profile-documents.ts';
import * as registry from './registry-documents.ts';
import * as trust from './trust-documents.ts';

/**
 * The JSON documents that commands print with `--output json`, by the words of the command, and
 * `error`. Each begins with `schemaVersion`, which is not in these schemas. The reference pages are
 * generated from them. Commands import only their types, so that no start-up time is spent on them.
 */
export const documents = {
  push: registry.push,
  pull: registry.pull,
  sign: registry.sign,
  attest: registry.attest,
  verify: registry.verify,
  'sign-blob': trust.signBlob,
  'verify-blob': trust.verifyBlob,
  inspect: registry.inspect,
  lint: profile.lint,
  diff: profile.diff,
  merge: profile.merge,
  explain: profile.explain,
  convert: profile.convert,
  migrate,
  baseline: profile.baseline,
  'policy check': trust.policyCheck,
  'policy test': trust.policyTest,
  'policy import': trust.policyImport,
  copy: registry.copy,
  save: registry.save,
  load: registry.load,
  tag: registry.tag,
  untag: registry.untag,
  delete: registry.deletion,
  ls: registry.ls,
  referrers: registry.referrers,
  find: registry.find,
  'catalog build': catalog.catalogBuild,
  'catalog list': catalog.catalogList,
  'catalog search': catalog.catalogSearch,
  'catalog info': catalog.catalogInfo,
  'catalog diff': catalog.catalogDiff,
  'catalog follow': catalog.catalogFollow,
  'cluster why': cluster.clusterWhy,
  'cluster coverage': cluster.clusterCoverage,
  'cluster bindings': cluster.clusterBindings,
  'cluster outdated': cluster.clusterOutdated,
  'node status': node.nodeStatus,
  'node profiles': node.nodeProfiles,
  'node explain': node.nodeExplain,
  'node gc': node.nodeGc,
  'node pull': node.nodePull,
  'node doctor': node.nodeDoctor,
  login: registry.login,
  logout: registry.logout,
  keygen: trust.keygen,
  healthcheck: profile.healthcheck,
  version: trust.version,
  error: trust.error,
} as const satisfies Readonly<Record<string, GenericSchema>>;

/** The words of a command that prints JSON, or `error`. */
export type DocumentName = keyof typeof documents;

type DeepReadonly<Value> = Value extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value;

/** The document that a command prints, without `schemaVersion`. */
export type Document<Name extends DocumentName> = DeepReadonly<InferOutput<(typeof documents)[Name]>>;
