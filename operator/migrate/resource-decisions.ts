import { ineffectiveSettings, notSupported, type UnsupportedKind } from '../validate/not-supported.ts';
import { daemonNotices, type NoticeContext } from './daemon-notices.ts';
import type { ObjectDecision, ObjectNotice } from './findings.ts';
import { type Inventory, type KnownProfile, listed } from './inventory.ts';
import { unknownFields } from './unknown-fields.ts';
import { at, below, isList, isObject, type JsonObject, textAt } from './value.ts';

/** The kinds of profiles that others can name. */
const profileKinds = new Set(['SeccompProfile', 'SelinuxProfile', 'RawSelinuxProfile', 'AppArmorProfile']);

const none = 2n ** 63n;

/**
 * Returns what must be decided about an object.
 *
 * @param object as it is written
 * @param next as it is in v1
 */
export function decisionsOf(object: JsonObject, next: JsonObject, inventory: Inventory): readonly ObjectDecision[] {
  const kind = textAt(next, 'kind') ?? '';
  const name = textAt(next, 'metadata', 'name') ?? '';
  const clash = profileKinds.has(kind) ? inventory.clash(kind, name) : [];
  return [
    ...(clash.length === 0 ? [] : [nameClash(kind, object, clash)]),
    ...(clash.length === 0 ? contested(object, inventory.contested(kind, name)) : []),
    ...referenced(next).flatMap(({ pointer, kind: wanted, name: to }) => {
      const profiles = inventory.clash(wanted, to);
      return profiles.length === 0 ? [] : [ambiguous(pointer, wanted, profiles)];
    }),
    ...(kind === 'SeccompProfile' ? outOfRange(next) : []),
    ...(kind === 'SelinuxProfile' || kind === 'RawSelinuxProfile' ? namespacedTypes(next) : []),
    ...(kind === 'AppArmorProfile' ? policyText(next) : []),
    ...unknownFields(next),
  ];
}

function nameClash(kind: string, object: JsonObject, profiles: readonly KnownProfile[]): ObjectDecision {
  const [namespace = 'default', name = ''] = [
    textAt(object, 'metadata', 'namespace'),
    textAt(object, 'metadata', 'name'),
  ];
  return {
    code: 'name-clash',
    pointer: '/metadata/name',
    message: `${kind} is cluster-scoped, so that one of these would overwrite the other: ${listed(profiles)}`,
    choices: [
      `Rename it, such as to ${namespace}-${name}, here and in what refers to it.`,
      'If they are for different clusters, migrate the manifests of each cluster on their own.',
      'If one of them is enough, remove the other.',
    ],
  };
}

/** Returns the decision on a profile that something may take for another one. */
function contested(object: JsonObject, references: readonly string[]): readonly ObjectDecision[] {
  if (references.length === 0) return [];
  const name = textAt(object, 'metadata', 'name') ?? '';
  return [
    {
      code: 'ambiguous-reference',
      pointer: '/metadata/name',
      message: `without namespaces, ${references.join(', ')} would run under this profile, and names one of another namespace`,
      choices: [
        'Migrate it together with the profile that is meant.',
        `Name the profile that is meant there without a namespace, such as operator/${name}.json.`,
      ],
    },
  ];
}

/** Returns the decision on a reference to a profile of which there are several. */
export function ambiguous(pointer: string, kind: string, profiles: readonly KnownProfile[]): ObjectDecision {
  return {
    code: 'ambiguous-reference',
    pointer,
    message: `it names a ${kind}, and as cluster-scoped objects these have one name: ${listed(profiles)}`,
    choices: ['Rename one of the profiles, and name the one that is meant.'],
  };
}

/** Returns the profiles that an object names, without their namespace. */
function referenced(object: JsonObject): readonly { pointer: string; kind: string; name: string }[] {
  const spec = at(object, 'spec');
  const found: { pointer: string; kind: string; name: string }[] = [];
  const base = textAt(spec, 'baseProfileName');
  if (base !== undefined && !base.startsWith('oci://')) {
    found.push({ pointer: '/spec/baseProfileName', kind: 'SeccompProfile', name: base });
  }
  const [kind, name] = [textAt(spec, 'profileRef', 'kind'), textAt(spec, 'profileRef', 'name')];
  if (kind !== undefined && name !== undefined) found.push({ pointer: '/spec/profileRef/name', kind, name });
  const inherit = at(spec, 'inherit');
  for (const [index, item] of (isList(inherit) ? inherit : []).entries()) {
    const inherited = textAt(item, 'name');
    if (inherited === undefined || textAt(item, 'kind') !== 'SelinuxProfile') continue;
    found.push({ pointer: `/spec/inherit/${index}/name`, kind: 'SelinuxProfile', name: inherited });
  }
  return found;
}

/**
 * Returns the arguments that v1 cannot hold: it has 63 bits for them, and SPO before 1.0 had 64.
 */
function outOfRange(object: JsonObject): readonly ObjectDecision[] {
  const syscalls = at(object, 'spec', 'syscalls');
  return (isList(syscalls) ? syscalls : []).flatMap((entry, index) => {
    const args = at(entry, 'args');
    return (isList(args) ? args : []).flatMap((arg, place) =>
      ['value', 'valueTwo'].flatMap((field): ObjectDecision[] => {
        const value = at(arg, field);
        if ((typeof value !== 'bigint' && typeof value !== 'number') || (value >= 0 && value < none)) return [];
        return [
          {
            code: 'value-out-of-range',
            pointer: `/spec/syscalls/${index}/args/${place}/${field}`,
            message: `the argument is compared with ${value}, and v1 has 0 to ${none - 1n} only (int64)`,
            choices: [
              'If the system call reads 32 bits of the argument, write the lower 32 bits: ' +
                'fairlead convert FILE --to spo --narrow-comparisons finds out, without baseProfileName.',
              'Publish the profile as an artifact, which has 64 bits, with fairlead convert --to runtime and fairlead push, and ' +
                'bind it with an ArtifactBinding.',
            ],
          },
        ];
      }),
    );
  });
}

/** Returns the decision on a profile of SPO 0.8 or older, which had policy text and no rules. */
function policyText(object: JsonObject): readonly ObjectDecision[] {
  if (at(object, 'spec', 'policy') === undefined) return [];
  return [
    {
      code: 'policy-text',
      pointer: '/spec/policy',
      message: 'SPO 0.8 and older had the text of a policy here, and v1 has rules in spec.abstract',
      choices: [
        'Write what the policy allows into spec.abstract, and remove spec.policy: fairlead convert FILE --to apparmor shows the ' +
          'policy of these rules.',
        'Load the policy on the nodes by other means, such as apparmor_parser, and remove the object. Pods name it as before.',
      ],
    },
  ];
}

/** Returns the types in a policy that have the namespace of a profile in their name. */
function namespacedTypes(object: JsonObject): readonly ObjectDecision[] {
  const allow = at(object, 'spec', 'allow');
  const keys = Object.keys(isObject(allow) ? allow : {}).map((key) => [below('/spec/allow', key), key] as const);
  return [...keys, ['/spec/policy', textAt(object, 'spec', 'policy') ?? ''] as const].flatMap(([pointer, text]) => {
    const [type, name] = /(?<![a-z0-9._-])([a-z0-9.-]+)_[a-z0-9-]*\.process(?![a-z0-9._-])/.exec(text) ?? [];
    if (type === undefined) return [];
    return [
      {
        code: 'type-with-namespace',
        pointer,
        message: `the type ${type} has the namespace of a profile in its name, and profiles are cluster-scoped`,
        choices: [`Write ${name}.process, if the profile ${name} is meant.`],
      },
    ];
  });
}

/** What a binding for a SeccompProfile does as long as nothing installs profiles on nodes. */
const refusesPods: ObjectNotice = {
  code: 'refuses-pods',
  pointer: '/spec',
  message:
    'pods that the binding selects are refused until nodes report the profile as installed, and this version of Fairlead ' +
    'installs none: bind an artifact with an ArtifactBinding in its place, or remove the binding',
};

/** Returns what differs for an object of v1 in a cluster with Fairlead. */
export function noticesOf(next: JsonObject, inventory: Inventory, context: NoticeContext): readonly ObjectNotice[] {
  const kind = textAt(next, 'kind') ?? '';
  const name = textAt(next, 'metadata', 'name') ?? '';
  if (isUnsupported(kind)) {
    const isDaemon = kind === 'SecurityProfilesOperatorDaemon';
    const { status, message } = notSupported(kind, ineffectiveSettings(kind, at(next, 'spec')));
    const notice: ObjectNotice = { code: 'not-supported', pointer: '/spec', message };
    return [
      ...(status === 'True' ? [notice] : []),
      ...(kind === 'ProfileBinding' && status === 'False' ? [refusesPods] : []),
      ...(isDaemon ? daemonNotices(next, context) : []),
    ];
  }
  if (kind === 'SecurityProfileNodeStatus') {
    const message = 'nodes write these objects: do not keep them as manifests';
    return [{ code: 'written-by-node', pointer: '', message }];
  }
  const namesakes = profileKinds.has(kind) ? inventory.namesakes(kind, name, context.namespace) : [];
  if (namesakes.length === 0 || inventory.clash(kind, name).length > 0) return [];
  const message = `as a cluster-scoped object it is the same as ${listed(namesakes)}: one manifest is enough`;
  return [{ code: 'same-profile', pointer: '/metadata/name', message }];
}

function isUnsupported(kind: string): kind is UnsupportedKind {
  return ['SecurityProfilesOperatorDaemon', 'ProfileRecording', 'ProfileBinding'].includes(kind);
}
