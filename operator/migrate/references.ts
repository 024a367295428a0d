import { group } from '../conversion/tables.ts';
import { lastApplied } from './clean.ts';
import type { MigratedObject, ObjectChange, ObjectDecision, ObjectNotice } from './findings.ts';
import { describeObject, type Inventory, type KnownProfile, listed } from './inventory.ts';
import { ambiguous } from './resource-decisions.ts';
import { at, below, isList, isObject, type Json, type JsonObject, textAt } from './value.ts';

const seccompAnnotation = 'seccomp.security.alpha.kubernetes.io/';
const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const selinuxKinds = ['SelinuxProfile', 'RawSelinuxProfile'];

/** A reference to a profile from the time when profiles had namespaces. */
interface Reference {
  readonly kinds: readonly string[];
  readonly namespace: string | undefined;
  readonly name: string;
  /** The same reference without the namespace. */
  readonly text: string;
}

/**
 * Rewrites the references to profiles in an object of any kind: in pods, in the pod templates of
 * workloads, and wherever else an object has the same fields.
 */
export function migrateReferences(object: JsonObject, inventory: Inventory): MigratedObject {
  const walk = new Walk(inventory);
  const next = walk.value(object, '', []) as JsonObject;
  const { changes, decisions, notices } = walk;
  decisions.push(...operatorManifest(object));
  const isChanged = decisions.length === 0 && changes.length > 0;
  return { object: isChanged ? next : object, moves: [], changes: isChanged ? changes : [], decisions, notices };
}

/**
 * Tells the inventory which profiles an object may mean by mistake, if references lose their
 * namespaces.
 *
 * @param place returns `file:line` of a pointer
 */
export function contestProfiles(object: JsonObject, inventory: Inventory, place: (pointer: string) => string): void {
  const walk = new Walk(inventory);
  walk.value(object, '', []);
  for (const { pointer, profiles } of walk.elsewhere) {
    inventory.contest(profiles, `${describeObject(object)} (${place(pointer)})`);
  }
}

/** An old version, or the path of a profile with a namespace. */
const oldReference =
  /security-profiles-operator\.x-k8s\.io\/v1(?:alpha|beta)[0-9]+|(?<![\w.-])operator\/[^/\s"']+\/[^/\s"']+\.json/;

class Walk {
  readonly elsewhere: { readonly pointer: string; readonly profiles: readonly KnownProfile[] }[] = [];
  readonly changes: ObjectChange[] = [];
  readonly decisions: ObjectDecision[] = [];
  readonly notices: ObjectNotice[] = [];
  readonly #inventory: Inventory;

  constructor(inventory: Inventory) {
    this.#inventory = inventory;
  }

  value(value: Json, pointer: string, path: readonly string[]): Json {
    if (isList(value)) return value.map((item, index) => this.value(item, below(pointer, index), path));
    if (isObject(value)) {
      this.#selector(value, pointer);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          this.value(item, below(pointer, key), [...path.slice(-1), key]),
        ]),
      );
    }
    return typeof value === 'string' ? this.#text(value, pointer, path) : value;
  }

  #text(value: string, pointer: string, path: readonly string[]): string {
    const [parent, key = ''] = [path.at(-2), path.at(-1)];
    if (parent === 'labels' || parent === 'annotations') this.#metadata(key, value, pointer);
    if (parent === 'annotations' && key.startsWith(seccompAnnotation)) return this.#annotation(value, pointer);
    if (parent === 'annotations' && key.startsWith(`container.${seccompAnnotation}`))
      return this.#annotation(value, pointer);
    if (parent === 'annotations' && key.startsWith(appArmorAnnotation))
      this.#appArmor(value.replace(/^localhost\//, ''), pointer);
    if (key === 'localhostProfile' && parent === 'appArmorProfile') this.#appArmor(value, pointer);
    else if (key === 'localhostProfile') return this.#rewritten(value, seccompReference(value), pointer);
    if (key === 'type' && parent === 'seLinuxOptions') return this.#rewritten(value, selinuxReference(value), pointer);
    const [old] = oldReference.exec(value) ?? [];
    if (old !== undefined && key !== lastApplied) this.#notRewritten(old, pointer);
    return value;
  }

  /** Notes what selects objects by an old version, as patches of kustomize do. */
  #selector(value: JsonObject, pointer: string): void {
    const version = textAt(value, 'version') ?? '';
    if (textAt(value, 'group') !== group || !/^v1(?:alpha|beta)[0-9]+$/.test(version)) return;
    this.#notRewritten(`${group}/${version}`, below(pointer, 'version'));
  }

  #notRewritten(old: string, pointer: string): void {
    const message = `${old} is not where a manifest names a profile or a version, and stays: change it if it is for one`;
    this.notices.push({ code: 'not-rewritten', pointer, message });
  }

  /** Rewrites the value of an annotation, which may list several profiles. */
  #annotation(value: string, pointer: string): string {
    const next = value
      .split(',')
      .map((each) => {
        const [, blank = '', path] = /^(\s*)localhost\/(.*)$/.exec(each) ?? [];
        if (path === undefined) return each;
        const reference = seccompReference(path);
        this.#check(reference, pointer);
        return `${blank}localhost/${reference?.text ?? path}`;
      })
      .join(',');
    if (next !== value) this.#change(value, next, pointer);
    this.notices.push({
      code: 'ignored-annotation',
      pointer,
      message: 'Kubernetes 1.27 and newer ignore this annotation: use securityContext.seccompProfile',
    });
    return next;
  }

  #rewritten(value: string, reference: Reference | undefined, pointer: string): string {
    if (reference === undefined) {
      if (/^operator\/[^/]+\/[^/]+\/./.test(value)) this.decisions.push(unknownPath(value, pointer));
      return value;
    }
    this.#check(reference, pointer);
    this.#change(value, reference.text, pointer);
    return reference.text;
  }

  #change(from: string, to: string, pointer: string): void {
    const reason = 'profiles are cluster-scoped, and the reference has no namespace';
    this.changes.push({ from: { pointer, value: from }, to: { pointer, value: to }, reason });
  }

  /** Decides whether the reference means the same profile without its namespace. */
  #check(reference: Reference | undefined, pointer: string): void {
    if (reference === undefined) return;
    const { kinds, name, namespace } = reference;
    if (name === 'log-enricher-trace') {
      this.notices.push({
        code: 'not-supported',
        pointer,
        message: 'it is the profile of a recording, and profiles are not recorded yet',
      });
      return;
    }
    const resolution = this.#inventory.resolve(kinds, name, namespace);
    const kind = kinds[0] ?? '';
    switch (resolution.outcome) {
      case 'clash':
        this.decisions.push(ambiguous(pointer, kind, resolution.profiles));
        break;
      case 'elsewhere':
        this.elsewhere.push({ pointer, profiles: resolution.profiles });
        this.decisions.push({
          code: 'ambiguous-reference',
          pointer,
          message: `it names ${kind} ${namespace}/${name}, and the files have another one of this name: ${listed(resolution.profiles)}`,
          choices: [
            `Migrate it together with ${namespace}/${name}.`,
            'Name the profile that is meant, without a namespace.',
          ],
        });
        break;
      case 'unknown':
        this.notices.push({
          code: 'profile-not-found',
          pointer,
          message: `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name} is not in the files: no other profile of the cluster may be named ${name}`,
        });
        break;
      case 'known':
        break;
    }
  }

  #appArmor(name: string, pointer: string): void {
    const clash = this.#inventory.clash('AppArmorProfile', name);
    if (clash.length > 0) this.decisions.push(ambiguous(pointer, 'AppArmorProfile', clash));
  }

  #metadata(key: string, value: string, pointer: string): void {
    if (/^spo\.x-k8s\.io\/enable-(?:binding|recording)$/.test(key)) {
      const what = key.endsWith('binding')
        ? 'Fairlead applies ArtifactBindings, in all namespaces but its own and kube-system'
        : 'profiles are not recorded yet';
      this.notices.push({
        code: 'namespace-label',
        pointer,
        message: `the label ${key}: ${JSON.stringify(value)} has no effect: ${what}`,
      });
    }
    if (key.startsWith('io.containers.trace-')) {
      this.notices.push({
        code: 'not-supported',
        pointer,
        message: 'it requests a recording, and profiles are not recorded yet',
      });
    }
  }
}

function seccompReference(path: string): Reference | undefined {
  const [, namespace, name] = /^operator\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  return { kinds: ['SeccompProfile'], namespace, name: name.replace(/\.json$/, ''), text: `operator/${name}` };
}

/** SPO before 0.9 added the namespace to the type. Later, raw policies still had the `_`. */
const namespacedType = /^([a-z0-9.-]+)_([a-z0-9-]*)\.process$/;

function selinuxReference(type: string): Reference | undefined {
  const [, name, namespace = ''] = namespacedType.exec(type) ?? [];
  if (name === undefined) return undefined;
  return { kinds: selinuxKinds, namespace: namespace || undefined, name, text: `${name}.process` };
}

function unknownPath(path: string, pointer: string): ObjectDecision {
  return {
    code: 'ambiguous-reference',
    pointer,
    message: `${path} is not a path of a profile: want operator/NAME.json`,
    choices: ['Name the SeccompProfile that is meant as operator/NAME.json.'],
  };
}

const spoWebhooks = ['spo-mutating-webhook-configuration', 'spo-validating-webhook-configuration'];

/**
 * Returns the decision on a manifest that installs SPO: applied later, it would replace Fairlead's.
 */
function operatorManifest(object: JsonObject): readonly ObjectDecision[] {
  const name = textAt(object, 'metadata', 'name') ?? '';
  const isDefinition =
    textAt(object, 'kind') === 'CustomResourceDefinition' &&
    textAt(object, 'spec', 'group') === group &&
    !isFairleads(object);
  if (!isDefinition && !spoWebhooks.includes(name)) return [];
  return [
    {
      code: 'operator-manifest',
      pointer: '/metadata/name',
      message: `${name} is part of SPO's installation, and would replace what Fairlead installs, or stop the API server's calls`,
      choices: ["Remove SPO's manifests, and add those that fairlead operator manifests prints."],
    },
  ];
}

function isFairleads(object: JsonObject): boolean {
  return (
    textAt(object, 'spec', 'conversion', 'webhook', 'clientConfig', 'service', 'namespace') === 'fairlead-system' ||
    at(object, 'metadata', 'labels', 'app.kubernetes.io/name') === 'fairlead'
  );
}
