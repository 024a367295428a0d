import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readProfile } from '../read-profile.ts';
import { appArmorGroups, appArmorStatements } from './abilities.ts';
import { accessesOf } from './access.ts';
import type { AppArmorProfile } from './model.ts';

const sections = fc.record(
  {
    mode: fc.constantFrom('Enforce' as const, 'Complain' as const),
    executable: fc.record({
      allowedExecutables: fc.subarray(['/bin/a', '/bin/b']),
      allowedLibraries: fc.subarray(['/lib/*.so']),
    }),
    filesystem: fc.record({
      readOnlyPaths: fc.subarray(['/etc/**']),
      writeOnlyPaths: fc.subarray(['/log']),
      readWritePaths: fc.subarray(['/tmp/**']),
    }),
    network: fc.record({ allowRaw: fc.boolean(), allowTcp: fc.boolean(), allowUdp: fc.boolean() }),
    capability: fc.record({ allowedCapabilities: fc.subarray(['chown', 'kill']) }),
  },
  { requiredKeys: ['mode'] },
);

describe('appArmorStatements', () => {
  it('states of a web server what it can and cannot do', () => {
    const text = readFileSync(new URL('../../../examples/apparmor-nginx.json', import.meta.url));
    const profile = readProfile(text);
    assert(profile.kind === 'AppArmor');
    const { can, cannot } = appArmorStatements(profile.apparmor);
    assert.deepEqual(
      can.map(({ text }) => text),
      ['Execute programs', 'Load libraries', 'Read files', 'Write files', 'Read and write files'],
    );
    assert.deepEqual(
      cannot.map(({ text, subjects }) => [text, ...subjects].join(' ')),
      [
        'Execute any other program',
        'Write any other file',
        'Open sockets of these kinds raw sockets',
        'Use any other capability',
      ],
    );
  });

  it('states that something is refused only if the profile refuses it', () => {
    fc.assert(
      fc.property(sections, (profile: AppArmorProfile) => {
        const { cannot } = appArmorStatements(profile);
        const { paths, network, capabilities, mode } = accessesOf(profile);
        const states = (pattern: RegExp) => cannot.some(({ text }) => pattern.test(text));
        const enforced = mode === 'Enforce';
        assert.equal(states(/^Execute/), enforced && paths.execute !== 'all');
        assert.equal(states(/^Execute programs$/), enforced && paths.execute !== 'all' && paths.execute.length === 0);
        assert.equal(states(/^Write/), enforced && paths.write !== 'all');
        assert.equal(states(/^Write files$/), enforced && paths.write !== 'all' && paths.write.length === 0);
        assert.equal(states(/^Use a capability$/), enforced && capabilities !== 'all' && capabilities.size === 0);
        const refused =
          network === 'all' ? 0 : [network.allowRaw, network.allowTcp, network.allowUdp].filter((is) => !is).length;
        assert.equal(cannot.find(({ text }) => /sockets/.test(text))?.subjects.length ?? 0, enforced ? refused : 0);
      }),
    );
  });
});

describe('appArmorGroups', () => {
  it('tells a section that is absent from one that permits nothing', () => {
    const open = appArmorGroups({ mode: 'Enforce' });
    assert.ok(open.every(({ isOpen, rules }) => isOpen && rules.length === 0));
    const closed = appArmorGroups({ mode: 'Enforce', capability: { allowedCapabilities: [] } });
    assert.deepEqual(closed.at(-1), { title: 'Capabilities', isOpen: false, rules: [], refused: [] });
  });
});
