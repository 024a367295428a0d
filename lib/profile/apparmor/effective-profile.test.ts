import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { readJson } from '../json/read-json.ts';
import { effectiveAppArmor } from './effective-profile.ts';
import type { AppArmorProfile } from './model.ts';
import { parseAppArmor } from './parse.ts';
import { runtimeDefaultAppArmor } from './runtime-default.ts';

const limits = { bytes: 1 << 20, depth: 16, values: 100_000 };
const read = (bytes: Uint8Array) => parseAppArmor(readJson(bytes, 'p.json', limits)).profile;
const example = read(await readFile(new URL('../../../examples/apparmor-nginx.json', import.meta.url)));
const json = (text: string) => read(new TextEncoder().encode(text));

describe('effectiveAppArmor', () => {
  it('tells who constrained what, and what remains', () => {
    const baseline = json(
      '{"filesystem": {"readOnlyPaths": ["/etc/*.conf"], "readWritePaths": ["/tmp/**"]}, "executable": {"allowedExecutables": ["/usr/bin/*"]}, "capability": {"allowedCapabilities": ["chown"]}}',
    );
    const artifact = json(
      '{"filesystem": {"readOnlyPaths": ["/etc/**"], "readWritePaths": ["/tmp/a"]}, "capability": {"allowedCapabilities": ["chown", "bpf"]}, "network": {"allowRaw": true}}',
    );
    const base = json('{"network": {}}');
    const { profile, constraints } = effectiveAppArmor({ baseline, base, artifact });
    assert.deepEqual(profile.filesystem, {
      readOnlyPaths: ['/etc/*.conf'],
      writeOnlyPaths: [],
      readWritePaths: ['/tmp/a'],
    });
    assert.deepEqual(constraints, [
      { subject: 'executable', input: 'baseline', from: 'everything', to: 'what the baseline lists', exact: true },
      { subject: 'read /etc/**', input: 'baseline', from: 'permitted', to: 'permitted for /etc/*.conf', exact: true },
      { subject: 'network raw', input: 'base', from: 'permitted', to: 'denied', exact: true },
      { subject: 'capability bpf', input: 'baseline', from: 'permitted', to: 'denied', exact: true },
    ]);
  });

  it('leaves an artifact under the runtime default as it is', () => {
    const { constraints } = effectiveAppArmor({ baseline: runtimeDefaultAppArmor, artifact: example });
    assert.deepEqual(constraints, []);
  });

  it('logs an artifact beside inputs that leave all to the default template, and beside no others', () => {
    const baseline = runtimeDefaultAppArmor;
    const { profile, constraints } = effectiveAppArmor({ baseline, base: baseline, artifact: example, mode: 'Log' });
    assert.deepEqual(profile, { ...example, mode: 'Complain' });
    assert.deepEqual(constraints, []);
    for (const section of ['executable', 'filesystem', 'network', 'capability']) {
      const closed = json(`{"${section}": {}}`);
      for (const inputs of [{ baseline: closed }, { baseline, base: closed }]) {
        assert.throws(() => effectiveAppArmor({ ...inputs, artifact: example, mode: 'Log' }), {
          kind: 'InvalidInput',
          message: /cannot be logged only: the base(line)? has rules/,
        });
      }
    }
  });

  it('tells that an artifact in complain mode does not loosen a baseline that enforces', () => {
    const artifact: AppArmorProfile = { ...example, mode: 'Complain' };
    const { profile, constraints } = effectiveAppArmor({ baseline: runtimeDefaultAppArmor, artifact });
    assert.equal(profile.mode, 'Enforce');
    assert.deepEqual(constraints, [
      { subject: 'mode', input: 'baseline', from: 'Complain', to: 'Enforce', exact: true },
    ]);
  });
});
