import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { detectForm } from './detect-form.ts';
import { readJson } from './json/read-json.ts';
import { readYaml } from './yaml/read-yaml.ts';

const limits = { bytes: 100_000, depth: 8, values: 2_000 };
const bytes = (text: string) => new TextEncoder().encode(text);
const of = (text: string) => {
  const found = detectForm(readJson(bytes(text), 'p', limits));
  return found && `${found.form} ${found.pointer} ${found.at}`;
};
const entry = (text: string) =>
  of(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["a"]},{"names":["a"],${text}}]}`);

describe('detectForm', () => {
  it('knows the two forms that runtimes read, in every letter case', () => {
    assert.equal(of('{"syscalls":[],"defaultAction":"SCMP_ACT_LOG"}'), 'runtime-seccomp /defaultAction 15');
    assert.equal(of('{"DEFAULTACTION":1}'), 'runtime-seccomp /DEFAULTACTION 1');
    for (const section of ['executable', 'filesystem', 'network', 'capability', 'Network', 'networ\u212a']) {
      assert.equal(of(`{"${section}":{}}`), `apparmor-json /${section} 1`);
    }
  });

  it('knows the form of Docker and Podman by any member of its own', () => {
    assert.equal(of('{"defaultAction":"SCMP_ACT_LOG","archMap":null}'), 'docker /archMap 32');
    assert.equal(of('{"defaulterrno":"EPERM"}'), 'docker /defaulterrno 1');
    for (const member of [
      'includes',
      'excludes',
      'name',
      'comment',
      'errno',
      'Includes',
      'EXCLUDES',
      'include\u017f',
    ]) {
      assert.equal(entry(`"${member}":{}`), `docker /syscalls/1/${member} 77`);
    }
    assert.equal(of('{"\u017fyscalls":[{"Comment":""}]}'), 'docker /\u017fyscalls/0/Comment 14');
  });

  it('knows custom resources by their kind, whatever else they have', () => {
    for (const kind of ['SeccompProfile', 'AppArmorProfile', 'SelinuxProfile', 'RawSelinuxProfile']) {
      assert.equal(of(`{"kind":"${kind}","archMap":[],"defaultAction":1,"network":{}}`), 'spo /kind 1');
    }
    assert.equal(detectForm(readYaml(bytes('apiVersion: x\nkind: SelinuxProfile\n'), 'p', limits))?.form, 'spo');
  });

  it('takes nothing else for a profile', () => {
    for (const text of [
      '[]',
      '{}',
      '1',
      '{"kind":"Pod"}',
      '{"kind":"Pod","network":{}}',
      '{"ApiVersion":1,"network":{}}',
    ]) {
      assert.equal(of(text), undefined, text);
    }
    // A member of Docker's where Docker does not look for it is an unknown one.
    assert.equal(entry('"args":[{"includes":{}}]'), 'runtime-seccomp /defaultAction 1');
    assert.equal(of('{"defaultAction":1,"includes":{},"comment":""}'), 'runtime-seccomp /defaultAction 1');
  });
});
