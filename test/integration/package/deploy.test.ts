import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { parsePolicyDocument } from '#lib/trust/policy/parse-policy-document';
import { idleConnectionMs } from '#operator/run/operator';
import { systemdUnits } from '../../../tools/release/systemd-units.ts';

const deploy = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const read = (file: string) => readFileSync(`${deploy}${file}`, 'utf8');

describe('deploy/', () => {
  it('has a sample policy that the shim can load', () => {
    const { rules } = parsePolicyDocument(read('shim/policy.yaml'), 'policy.yaml');
    assert.deepEqual(
      rules.map(({ match, unsigned, kinds }) => [match, unsigned, kinds]),
      [['registry.example.com/security/**', false, ['Seccomp', 'AppArmor']]],
    );
  });

  it('has the sample policy that docs/guides/nodes.md shows', () => {
    const guide = readFileSync(`${deploy}../docs/guides/nodes.md`, 'utf8');
    const [, shown = ''] = /```yaml\n(apiVersion: fairlead\.dev\/v1\nkind: TrustPolicy\n.*?)```/s.exec(guide) ?? [];
    assert.deepEqual(parse(shown), parse(read('shim/policy.yaml')));
  });

  for (const [name, unit] of Object.entries(systemdUnits('/usr/bin/fairlead'))) {
    if (name.endsWith('.socket')) continue;
    it(`has a unit ${name} that starts the program from where it is installed, and reloads its policy if it has one`, () => {
      assert.match(unit, /^ExecStart=\/usr\/bin\/fairlead (?:serve|shim|lsm) .* \$FAIRLEAD_OPTIONS$/m);
      assert.equal(/--policy/.test(unit), /^ExecReload=\/bin\/kill -HUP \$MAINPID$/m.test(unit));
      assert.doesNotMatch(unit, /usr\/local/);
    });
  }

  it('builds its image on a base image that the build must name by digest', () => {
    const lines = read('Dockerfile').split('\n');
    const bases = lines.filter((line) => /^FROM /.test(line));
    assert.ok(bases.length > 0);
    for (const base of bases)
      assert.match(base, /^FROM (?:--platform=\S+ )?\S+@(?:sha256:[0-9a-f]{64}|\$\{DEBIAN_DIGEST\})(?: AS \S+)?$/);
    assert.ok(lines.includes('ARG DEBIAN_DIGEST'), 'with no default');
  });

  it('gives the operator time to drain its connections', () => {
    const deployment = read('operator/deployment.yaml');
    const [, grace] = /terminationGracePeriodSeconds: (\d+)/.exec(deployment) ?? [];
    const [, delay] = /--shutdown-delay=(\d+)/.exec(deployment) ?? [];
    assert.ok(Number(grace) > Number(delay) + idleConnectionMs / 1000);
  });

  for (const file of readdirSync(`${deploy}operator`).filter((name) => name.endsWith('.yaml'))) {
    it(`has well-formed YAML in operator/${file}`, () => {
      for (const document of parseAllDocuments(read(`operator/${file}`))) {
        assert.deepEqual([document.errors, document.warnings], [[], []]);
        assert.ok(document.has('apiVersion') && document.has('kind'));
      }
    });
  }
});
