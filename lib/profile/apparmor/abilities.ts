import type { AppArmorProfile } from './model.ts';

/** What programs may do of one kind under an AppArmor profile. */
export interface AppArmorGroup {
  readonly title: 'Programs' | 'Files' | 'Network' | 'Capabilities';
  /** True if the profile leaves this to the default rules of the runtime. */
  readonly isOpen: boolean;
  /** What is permitted, by what may be done with it; empty if nothing is. */
  readonly rules: readonly { readonly may: string; readonly subjects: readonly string[] }[];
  /** What is refused and has a name. */
  readonly refused: readonly string[];
}

/** Sentences about an AppArmor profile, as the ends of "It can …" and "It cannot …". */
export interface AppArmorStatements {
  readonly can: readonly { readonly text: string; readonly subjects: readonly string[] }[];
  readonly cannot: readonly { readonly text: string; readonly subjects: readonly string[] }[];
}

const protocols = [
  { field: 'allowTcp', name: 'TCP' },
  { field: 'allowUdp', name: 'UDP' },
  { field: 'allowRaw', name: 'raw sockets' },
] as const;

/** Returns what a profile permits and refuses, in the order of its sections. */
export function appArmorGroups(profile: AppArmorProfile): readonly AppArmorGroup[] {
  const { executable, filesystem, network, capability } = profile;
  const rule = (may: string, subjects: readonly string[] = []) => (subjects.length === 0 ? [] : [{ may, subjects }]);
  const permitted = protocols.flatMap(({ field, name }) => (network?.[field] ? [name] : []));
  return [
    {
      title: 'Programs',
      isOpen: executable === undefined,
      rules: [...rule('execute', executable?.allowedExecutables), ...rule('map as code', executable?.allowedLibraries)],
      refused: [],
    },
    {
      title: 'Files',
      isOpen: filesystem === undefined,
      rules: [
        ...rule('read', filesystem?.readOnlyPaths),
        ...rule('write', filesystem?.writeOnlyPaths),
        ...rule('read and write', filesystem?.readWritePaths),
      ],
      refused: [],
    },
    {
      title: 'Network',
      isOpen: network === undefined,
      rules: rule('use', permitted),
      refused: network === undefined ? [] : protocols.flatMap(({ field, name }) => (network[field] ? [] : [name])),
    },
    {
      title: 'Capabilities',
      isOpen: capability === undefined,
      rules: rule('use', capability?.allowedCapabilities),
      refused: [],
    },
  ];
}

/**
 * Returns what programs can and cannot do under a profile that is enforced. One that only logs
 * refuses nothing.
 */
export function appArmorStatements(profile: AppArmorProfile): AppArmorStatements {
  const groups = appArmorGroups(profile);
  const can = groups.flatMap(({ title, isOpen, rules }) =>
    isOpen
      ? [{ text: `${openTexts[title]} that the default rules of the runtime leave`, subjects: [] }]
      : rules.map(({ may, subjects }) => ({ text: canTexts[`${title} ${may}`] ?? `${title}: ${may}`, subjects })),
  );
  if (profile.mode === 'Complain') return { can: can.slice(0, 5), cannot: [] };
  const cannot = groups.flatMap(({ title, isOpen, rules, refused }) => {
    if (isOpen) return [];
    const mays = new Set(rules.map(({ may }) => may));
    const subject = { subjects: refused };
    if (title === 'Network') return refused.length === 0 ? [] : [{ text: 'Open sockets of these kinds', ...subject }];
    if (title === 'Capabilities')
      return [{ text: mays.size === 0 ? 'Use a capability' : 'Use any other capability', ...subject }];
    if (title === 'Programs')
      return [{ text: mays.has('execute') ? 'Execute any other program' : 'Execute programs', ...subject }];
    const writes = mays.has('write') || mays.has('read and write');
    return [{ text: writes ? 'Write any other file' : 'Write files', ...subject }];
  });
  return { can: can.slice(0, 5), cannot: cannot.slice(0, 5) };
}

const openTexts = {
  Programs: 'Execute every program',
  Files: 'Use every file',
  Network: 'Use every kind of socket',
  Capabilities: 'Use every capability of the container',
} as const;

const canTexts: Readonly<Record<string, string>> = {
  'Programs execute': 'Execute programs',
  'Programs map as code': 'Load libraries',
  'Files read': 'Read files',
  'Files write': 'Write files',
  'Files read and write': 'Read and write files',
  'Network use': 'Open sockets',
  'Capabilities use': 'Use capabilities',
};
