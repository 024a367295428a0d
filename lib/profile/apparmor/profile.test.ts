import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { anyProfile } from '#test/oracle/apparmor-arbitrary';
import { readJson } from '../json/read-json.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import { diffAppArmor } from './diff.ts';
import type { AppArmorProfile } from './model.ts';
import type { ParsedAppArmor } from './parse.ts';
import { parseAppArmor } from './parse.ts';
import { renderAppArmorJson } from './render-json.ts';
import { renderAppArmorPolicy } from './render-policy.ts';
import { renderAppArmorResource } from './render-resource.ts';
import { runtimeDefaultAppArmor } from './runtime-default.ts';
import { validateAppArmor } from './validate.ts';

const limits = { bytes: 1 << 20, depth: 16, values: 100_000 };
const bytes = (text: string) => new TextEncoder().encode(text);
const json = (text: string): ParsedAppArmor => parseAppArmor(readJson(bytes(text), 'p.json', limits));
const yaml = (text: string): ParsedAppArmor => parseAppArmor(readYaml(bytes(text), 'p.yaml', limits));

function refusal(run: () => unknown): FairleadError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'not refused' });
}

const resource = (spec: string) =>
  `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: AppArmorProfile\nmetadata: {name: web}\nspec:\n${spec}`;

/** What SPO installs for a resource without sections: it renders no rule for what is absent. */
const nothing = {
  executable: { allowedExecutables: [], allowedLibraries: [] },
  filesystem: { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] },
  network: { allowRaw: false, allowTcp: false, allowUdp: false },
  capability: { allowedCapabilities: [] },
} as const;

const emptyResource = {
  apiVersion: 'security-profiles-operator.x-k8s.io/v1',
  kind: 'AppArmorProfile',
  spec: { abstract: {} },
};

const example = json(await readFile(new URL('../../../examples/apparmor-nginx.json', import.meta.url), 'utf8')).profile;

describe('parseAppArmor', () => {
  it('reads the JSON of KEP-6061 and the resource of SPO as one value', () => {
    const fromJson = json(
      '{"filesystem": {"readOnlyPaths": ["/etc/**"]}, "network": {"allowedProtocols": {"allowTcp": true}}}',
    );
    const fromYaml = yaml(
      resource(
        '  abstract:\n    filesystem: {readOnlyPaths: ["/etc/**"]}\n    network: {allowedProtocols: {allowTcp: true}}',
      ),
    );
    const written = {
      filesystem: { readOnlyPaths: ['/etc/**'], writeOnlyPaths: [], readWritePaths: [] },
      network: { allowRaw: false, allowTcp: true, allowUdp: false },
    };
    assert.deepEqual(fromJson.profile, { mode: 'Enforce', ...written });
    assert.deepEqual(fromYaml, { ...fromJson, name: 'web', profile: { mode: 'Enforce', ...nothing, ...written } });
  });

  it('reads an absent section of a resource as an empty one', () => {
    const abstracts = ['{}', '{executable: null, network: {}}', '{filesystem: {}, network: {allowedProtocols: {}}}'];
    for (const abstract of abstracts) {
      for (const version of ['v1', 'v1alpha1']) {
        const text = resource(`  abstract: ${abstract}`).replace('/v1\n', `/${version}\n`);
        assert.deepEqual(yaml(text).profile, { mode: 'Enforce', ...nothing }, text);
      }
    }
  });

  it('tells an absent section from an empty one', () => {
    assert.deepEqual(json('{"capability": {}}').profile, { mode: 'Enforce', capability: { allowedCapabilities: [] } });
    assert.deepEqual(json('{"capability": null, "network": {}}').profile, {
      mode: 'Enforce',
      network: { allowRaw: false, allowTcp: false, allowUdp: false },
    });
  });

  it('reads the mode, in its older form too', () => {
    assert.equal(yaml(resource('  mode: Complain\n  abstract: {}')).profile.mode, 'Complain');
    assert.equal(yaml(resource('  complainMode: true\n  abstract: {}')).profile.mode, 'Complain');
    assert.equal(yaml(resource('  abstract: {}')).profile.mode, 'Enforce');
    const both = refusal(() => yaml(resource('  mode: Enforce\n  complainMode: true\n  abstract: {}')));
    assert.match(both.message, /contradicts/);
  });

  it('writes capabilities as AppArmor does, whatever their case', () => {
    const { profile } = json('{"capability": {"allowedCapabilities": ["NET_ADMIN", "Chown"]}}');
    assert.deepEqual(profile.capability?.allowedCapabilities, ['net_admin', 'chown']);
  });

  it('drops fields that could only grant, and refuses sections that it does not know', () => {
    const { unknownFields } = yaml(
      resource('  abstract:\n    ptrace: {allow: true}\n    network: {allowIcmp: true}\n  x: 1'),
    );
    assert.deepEqual(unknownFields.map(({ pointer }) => pointer).sort(), [
      '/spec/abstract/network/allowIcmp',
      '/spec/abstract/ptrace',
      '/spec/x',
    ]);
    const error = refusal(() => json('{"filesytem": {}}'));
    assert.match(error.message, /^p\.json:1:2: filesytem: unknown section; did you mean filesystem\?$/);
  });

  it('names what is wrong and where', () => {
    const faults: readonly (readonly [string, RegExp, string])[] = [
      ['[]', /must be an object, is an array/, ''],
      ['{"executable": []}', /^p\.json:1:16: executable: must be an object/, '/executable'],
      ['{"filesystem": {"readOnlyPaths": "/x"}}', /must be an array, is a string/, '/filesystem/readOnlyPaths'],
      ['{"filesystem": {"readOnlyPaths": ["/a", 1]}}', /\[1\]: must be a string/, '/filesystem/readOnlyPaths/1'],
      [
        '{"filesystem": {"readOnlyPaths": ["/a r,\\n  capability,"]}}',
        /control character U\+000A/,
        '/filesystem/readOnlyPaths/0',
      ],
      ['{"filesystem": {"readOnlyPaths": ["/a\\" rw, /**"]}}', /double quote/, '/filesystem/readOnlyPaths/0'],
      ['{"executable": {"allowedLibraries": ["/a/../b"]}}', /component/, '/executable/allowedLibraries/0'],
      ['{"executable": {"allowedLibraries": ["ptrace (read),"]}}', /absolute/, '/executable/allowedLibraries/0'],
      [
        '{"capability": {"allowedCapabilities": ["CAP_CHOWN"]}}',
        /did you mean chown\?/,
        '/capability/allowedCapabilities/0',
      ],
      [
        '{"capability": {"allowedCapabilities": ["chown,\\n  file"]}}',
        /unknown capability/,
        '/capability/allowedCapabilities/0',
      ],
      ['{"network": {"allowRaw": "yes"}}', /must be true or false/, '/network/allowRaw'],
    ];
    for (const [text, message, pointer] of faults) {
      const error = refusal(() => json(text));
      assert.equal(error.kind, 'ProfileInvalid');
      assert.match(error.message, message);
      assert.equal(error.pointer, pointer);
    }
    assert.match(refusal(() => yaml(resource('  state: Idle\n  abstract: {}'))).message, /Enabled or Disabled/);
    assert.match(refusal(() => yaml(resource('  policy: "profile x {}"'))).message, /policy text/);
    assert.match(refusal(() => yaml(resource('  mode: Enforce'))).message, /needs "abstract"/);
    for (const name of ['../x', 'a b', 'A', '', 'a"', 'a\n', '@{x}', 'x'.repeat(254)]) {
      const named = JSON.stringify({ ...emptyResource, metadata: { name } });
      assert.match(refusal(() => json(named)).message, /metadata\.name: .* must be lower-case letters/);
    }
    const foreign = 'apiVersion: example.com/v1\nkind: AppArmorProfile\nspec: {abstract: {}}';
    const versions = /apiVersion: must be security-profiles-operator\.x-k8s\.io\/v1 or .*\/v1alpha1, is/;
    assert.match(refusal(() => yaml(foreign)).message, versions);
    const later = { ...emptyResource, apiVersion: 'security-profiles-operator.x-k8s.io/v2' };
    assert.match(refusal(() => json(JSON.stringify(later))).message, versions);
  });
});

describe('renderAppArmorJson and renderAppArmorResource', () => {
  it('write what parseAppArmor reads back', () => {
    let written = 0;
    fc.assert(
      fc.property(anyProfile, (profile) => {
        if (profile.mode === 'Enforce') assert.deepEqual(json(renderAppArmorJson(profile)).profile, profile);
        if (Object.keys(nothing).some((section) => !(section in profile))) {
          const error = refusal(() => renderAppArmorResource(profile, 'web'));
          assert.match(error.message, /^no ".*": what is absent permits everything of its kind/);
        }
        const closed = { ...nothing, ...profile };
        let text: string;
        try {
          text = renderAppArmorResource(closed, 'web');
        } catch (error) {
          assert.ok(error instanceof FairleadError, String(error));
          assert.match(error.message, /accepts no path with this meaning/);
          return;
        }
        written += 1;
        const again = yaml(text).profile;
        assert.deepEqual(diffAppArmor(again, closed), [], text);
        const paths = [...Object.values(again.executable ?? {}), ...Object.values(again.filesystem ?? {})].flat();
        for (const path of paths) assert.match(path, /^\/[a-zA-Z0-9_./*?+@{} -]*$/);
      }),
      { numRuns: 600 },
    );
    assert.ok(written > 200, `${written} of 600 written`);
  });

  it('write out paths for SPO that it would not take', () => {
    const paths = (path: string) => {
      const filesystem = { readOnlyPaths: [path], writeOnlyPaths: [], readWritePaths: [] };
      const profile: AppArmorProfile = { mode: 'Enforce', ...nothing, filesystem };
      return yaml(renderAppArmorResource(profile, 'web')).profile.filesystem?.readOnlyPaths;
    };
    assert.deepEqual(paths('/proc/@{pid}/maps'), ['/proc/@{pid}/maps']);
    assert.deepEqual(paths('@{PROC}/sys/**'), ['/proc/sys/**']);
    assert.deepEqual(paths('/{bin,usr/bin}/lib[ab].so'), [
      '/bin/liba.so',
      '/bin/libb.so',
      '/usr/bin/liba.so',
      '/usr/bin/libb.so',
    ]);
    assert.deepEqual(paths('/tmp/{,**}'), ['/tmp/', '/tmp/**']);
    for (const path of ['/a\\*', '/a[^b]', '/a,b', '/[0-9][0-9]', '/a~']) {
      assert.match(
        refusal(() => paths(path)).message,
        /the Security Profiles Operator accepts no path with this meaning/,
      );
    }
  });

  it('do not let a profile that only logs become one that denies', () => {
    assert.match(refusal(() => renderAppArmorJson({ mode: 'Complain' })).message, /complain mode/);
  });
});

describe('validateAppArmor', () => {
  it('passes the example', () => validateAppArmor(example));

  it('refuses wildcards for which apparmor_parser would take minutes', () => {
    const reads = (...readOnlyPaths: string[]): AppArmorProfile => ({
      mode: 'Enforce',
      filesystem: { readOnlyPaths, writeOnlyPaths: [], readWritePaths: [] },
    });
    assert.match(refusal(() => validateAppArmor(reads('/**a??????????????'))).message, /minutes for its wildcards/);
    const empties = `/${'{,a}'.repeat(60)}`;
    assert.match(refusal(() => validateAppArmor(reads(empties))).message, /too many groups that may be empty/);
    const each = Array.from({ length: 12 }, (_, index) => `/**${String.fromCharCode(97 + index)}**/`);
    assert.match(refusal(() => validateAppArmor(reads(...each))).message, /minutes for the wildcards of the 12 paths/);
    validateAppArmor(reads('/**.so*', '/usr/**/lib*.so.?', '/var/lib/*/overlay2/*/diff/**', '/@{pid}/mounts'));
  });

  it('takes no more than some tenths of a second for thousands of paths that are each nearly too much', () => {
    const profiles = [
      (index: number) => `/**a${index}*b?[a-z]*{x,y,z*,q**}`,
      (index: number) => `/${'{a*,b*,c*}'.repeat(5)}${index}`,
      (index: number) => `/x${index}${'{,a}'.repeat(30)}`,
    ];
    for (const path of profiles) {
      const readOnlyPaths = Array.from({ length: 4000 }, (_, index) => path(index));
      const filesystem = { readOnlyPaths, writeOnlyPaths: [], readWritePaths: [] };
      const began = process.threadCpuUsage();
      assert.match(refusal(() => validateAppArmor({ mode: 'Enforce', filesystem })).message, /4000 paths together/);
      const { user, system } = process.threadCpuUsage(began);
      assert.ok(user + system < 1_500_000, `${path(0)}: ${(user + system) / 1000} ms`);
    }
  });

  it('passes as many usual paths as a profile may have', () => {
    const readOnlyPaths = Array.from({ length: 4096 }, (_, index) =>
      index % 3 === 0 ? `/usr/lib/x86_64-linux-gnu/package-${index}/**` : `/etc/service-${index}.d/*.conf`,
    );
    validateAppArmor({ mode: 'Enforce', filesystem: { readOnlyPaths, writeOnlyPaths: [], readWritePaths: [] } });
  });

  it('refuses paths and capabilities of profiles that were not parsed', () => {
    const path = { allowedExecutables: ['/a"'], allowedLibraries: [] };
    assert.match(refusal(() => validateAppArmor({ mode: 'Enforce', executable: path })).message, /double quote/);
    const capability = { allowedCapabilities: ['all'] };
    assert.match(refusal(() => validateAppArmor({ mode: 'Enforce', capability })).message, /unknown capability/);
  });
});

describe('renderAppArmorPolicy', () => {
  it('writes sections that are there as rules, and leaves open those that are not', () => {
    const text = renderAppArmorPolicy(
      {
        mode: 'Enforce',
        executable: { allowedExecutables: ['/bin/b', '/bin/a b'], allowedLibraries: ['/lib/*.so'] },
        network: { allowRaw: false, allowTcp: true, allowUdp: false },
      },
      { name: 'web' },
    );
    const rules = text.split('\n').map((line) => line.trim());
    assert.deepEqual(rules.slice(rules.indexOf('capability,'), -2), [
      'capability,',
      'network tcp,',
      '"/bin/a b" ixr,',
      '"/bin/b" ixr,',
      '"/lib/*.so" mr,',
      '"/{,**}" rwlk,',
    ]);
    assert.ok(text.includes('profile "web" flags=(attach_disconnected,mediate_deleted) {'));
    assert.ok(renderAppArmorPolicy(runtimeDefaultAppArmor, { name: 'web' }).includes('  file,\n'));
  });

  it('says complain where the profile or the caller does', () => {
    const complain = 'flags=(attach_disconnected,mediate_deleted,complain)';
    assert.ok(renderAppArmorPolicy({ mode: 'Complain' }, { name: 'web' }).includes(complain));
    assert.ok(renderAppArmorPolicy(example, { name: 'web', mode: 'Complain' }).includes(complain));
    assert.ok(!renderAppArmorPolicy({ mode: 'Complain' }, { name: 'web', mode: 'Enforce' }).includes(complain));
  });

  it('denies nothing in complain mode, where the kernel enforces deny rules too', () => {
    const denials = (profile: AppArmorProfile, mode?: AppArmorProfile['mode']) =>
      renderAppArmorPolicy(profile, { name: 'web', ...(mode && { mode }) }).match(/\bdeny\b.*/g) ?? [];
    const parts: AppArmorProfile = { mode: 'Complain', capability: { allowedCapabilities: ['bpf', 'perfmon'] } };
    for (const profile of [runtimeDefaultAppArmor, example, parts]) {
      assert.deepEqual(denials(profile, 'Complain'), []);
      assert.ok(denials(profile, 'Enforce').length >= 9);
    }
    assert.deepEqual(denials(parts), []);
  });

  it('denies sys_admin where an older ABI would grant it for a part of it', () => {
    const rules = (mode: AppArmorProfile['mode'], ...allowedCapabilities: string[]) => {
      const text = renderAppArmorPolicy({ mode, capability: { allowedCapabilities } }, { name: 'web' });
      return text.split('\n').flatMap((line) => (/^ {2}(deny )?capability/.test(line) ? [line.trim()] : []));
    };
    assert.deepEqual(rules('Enforce', 'kill', 'bpf'), [
      'capability bpf,',
      'capability kill,',
      'deny capability sys_admin,',
    ]);
    assert.deepEqual(rules('Enforce', 'perfmon', 'sys_admin'), ['capability perfmon,', 'capability sys_admin,']);
    assert.deepEqual(rules('Complain', 'checkpoint_restore'), ['capability checkpoint_restore,']);
    assert.deepEqual(rules('Enforce', 'kill'), ['capability kill,']);
  });

  it('refuses names that are invalid, or belong to another program', () => {
    for (const name of ['', '/bin/sh', 'a b', 'a"', 'a//b', 'a{b}', '*', 'a\nb', '.x', 'x'.repeat(200)]) {
      assert.equal(refusal(() => renderAppArmorPolicy(example, { name })).kind, 'InvalidInput');
      assert.equal(refusal(() => renderAppArmorResource(example, name)).kind, 'InvalidInput');
    }
    for (const name of ['unconfined', 'runc', 'docker-default']) {
      assert.match(refusal(() => renderAppArmorPolicy(example, { name })).message, /belongs to/);
    }
  });
});
