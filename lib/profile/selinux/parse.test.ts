import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { readJson } from '../json/read-json.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import { parseRawSelinux, parseSelinux } from './parse.ts';

const limits = { bytes: 2_000_000, depth: 16, values: 200_000 };
const group = 'security-profiles-operator.x-k8s.io';

function document(text: string) {
  return readYaml(new TextEncoder().encode(text), 'p.yaml', limits);
}

function resource(spec: object, { version = 'v1', kind = 'SelinuxProfile', name = 'errorlogger' } = {}) {
  const text = JSON.stringify({ apiVersion: `${group}/${version}`, kind, metadata: { name }, spec });
  return readJson(new TextEncoder().encode(text), 'p.yaml', limits);
}

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, 'ProfileInvalid');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'accepted' });
}

describe('parseSelinux', () => {
  it('reads our example', () => {
    const text = readFileSync(new URL('../../../examples/selinux-errorlogger.yaml', import.meta.url), 'utf8');
    const { profile, unknownFields } = parseSelinux(document(text));
    assert.deepEqual(unknownFields, []);
    assert.equal(profile.name, 'errorlogger');
    assert.equal(profile.mode, 'Enforcing');
    assert.deepEqual(profile.inherit, [
      { kind: 'System', name: 'container' },
      { kind: 'System', name: 'net_container' },
    ]);
    assert.deepEqual([...profile.allow.keys()], ['var_log_t', 'http_port_t', '@self']);
    assert.deepEqual([...(profile.allow.get('http_port_t')?.get('tcp_socket') ?? [])], ['name_bind']);
  });

  it('fills in what is not said', () => {
    for (const spec of [{}, { inherit: null, allow: null, mode: null }]) {
      const { profile } = parseSelinux(resource(spec));
      const inherit = [{ kind: 'System', name: 'container' }];
      assert.deepEqual(profile, { kind: 'SELinux', name: 'errorlogger', mode: 'Enforcing', inherit, allow: new Map() });
    }
  });

  it('reads the older form', () => {
    const mode = (spec: object, version = 'v1alpha2') => parseSelinux(resource(spec, { version })).profile.mode;
    assert.equal(mode({ permissive: true, disabled: false }), 'Permissive');
    assert.equal(mode({ permissive: false }), 'Enforcing');
    assert.equal(mode({ mode: 'Permissive' }), 'Permissive');
    assert.equal(mode({ mode: 'Permissive', permissive: true }), 'Permissive');
    assert.match(
      refusal(() => mode({ mode: 'Enforcing', permissive: true })),
      /spec\.permissive: contradicts spec\.mode/,
    );
  });

  it('does not take the older form for v1, as the API server would not', () => {
    const { profile, unknownFields } = parseSelinux(resource({ permissive: true }));
    assert.equal(profile.mode, 'Enforcing');
    assert.deepEqual(
      unknownFields.map(({ pointer }) => pointer),
      ['/spec/permissive'],
    );
  });

  it('tells what it does not know', () => {
    const text = `apiVersion: ${group}/v1\nkind: SelinuxProfile\nmetadata: {name: a}\nspec:\n  inherit: [{name: b, x/y: 1}]\n  z: 1\n`;
    assert.deepEqual(parseSelinux(document(text)).unknownFields, [
      { pointer: '/spec/z', position: 'p.yaml:6:3' },
      { pointer: '/spec/inherit/0/x~1y', position: 'p.yaml:5:23' },
    ]);
  });

  const escapes = [
    'a (in x',
    'a)',
    ') (allow',
    'a;b',
    'a\nb',
    'a b',
    '"a"',
    'a"',
    'a\0',
    'ä_t',
    '',
    '-a',
    '.a',
    'a..b',
    'a.',
    '9a',
  ];
  const operators = ['all', 'not', 'and', 'or', 'xor', 'self', 'notself', 'other', 'range'];
  for (const name of [...escapes, ...operators, 'a'.repeat(256), '@other', '@self ', '__proto__']) {
    it(`refuses the name ${JSON.stringify(name.slice(0, 20))} wherever a name may stand`, () => {
      const places: Record<string, object> = {
        'spec.allow': { allow: { [name]: { file: ['read'] } } },
        'spec.allow.var_log_t': { allow: { var_log_t: { [name]: ['read'] } } },
        'spec.allow.var_log_t.file[1]': { allow: { var_log_t: { file: ['read', name] } } },
        'spec.inherit[0].name': { inherit: [{ name }] },
      };
      if (operators.includes(name)) delete places['spec.inherit[0].name'];
      else
        assert.match(
          refusal(() => parseSelinux(resource({}, { name }))),
          /metadata\.name: /,
        );
      for (const [path, spec] of Object.entries(places)) {
        assert.ok(refusal(() => parseSelinux(resource(spec))).includes(`: ${path}: `), path);
      }
    });
  }

  it('takes types of other blocks, and nothing else with dots', () => {
    const { profile } = parseSelinux(resource({ allow: { 'other-app.process': { fd: ['use'] } } }));
    assert.deepEqual([...profile.allow.keys()], ['other-app.process']);
    assert.match(
      refusal(() => parseSelinux(resource({ allow: { a: { 'b.c': ['d'] } } }))),
      /"b\.c" is not a valid name/,
    );
    assert.match(
      refusal(() => parseSelinux(resource({}, { name: 'my.app' }))),
      /metadata\.name: "my\.app" is not a valid name/,
    );
  });

  const refused: Record<string, [spec: object, message: RegExp]> = {
    'a wrong mode': [{ mode: 'permissive' }, /spec\.mode: must be Enforcing or Permissive, is "permissive"/],
    'a wrong state': [{ state: 'On' }, /spec\.state: must be Enabled or Disabled/],
    'a list of rules': [{ allow: ['a'] }, /spec\.allow: must be a mapping, is an array/],
    'a type without classes': [{ allow: { a: null } }, /spec\.allow\.a: must be a mapping, is empty/],
    'permissions in one text': [
      { allow: { a: { file: 'read write' } } },
      /spec\.allow\.a\.file: must be a list, is a string/,
    ],
    'a number for a permission': [
      { allow: { a: { file: [1] } } },
      /spec\.allow\.a\.file\[0\]: must be text, is a number/,
    ],
    'an inherited name alone': [{ inherit: ['container'] }, /spec\.inherit\[0\]: must be a mapping/],
    'an unknown kind': [{ inherit: [{ kind: 'Raw', name: 'a' }] }, /spec\.inherit\[0\]\.kind: must be System or Seli/],
    'no inherited name': [{ inherit: [{}] }, /spec\.inherit\[0\]: needs "name"/],
    'too many to inherit': [{ inherit: Array(65).fill({ name: 'a' }) }, /has more than 64 items/],
    'too many types': [
      { allow: Object.fromEntries(Array.from({ length: 4_097 }, (_, index) => [`t${index}`, {}])) },
      /has more than 4096 types/,
    ],
    'too many permissions': [
      { allow: { a: { file: Array(40_000).fill('b'), dir: Array(40_000).fill('b') } } },
      /more than 65536 permissions/,
    ],
  };
  for (const [title, [spec, message]] of Object.entries(refused)) {
    it(`refuses ${title}`, () =>
      assert.match(
        refusal(() => parseSelinux(resource(spec))),
        message,
      ));
  }

  it('refuses other resources', () => {
    assert.match(
      refusal(() => parseSelinux(resource({}, { kind: 'RawSelinuxProfile' }))),
      /kind: must be SelinuxProfile/,
    );
    assert.match(
      refusal(() => parseSelinux(resource({}, { version: 'v9' }))),
      /apiVersion: must be /,
    );
    assert.match(
      refusal(() => parseSelinux(document('{}'))),
      /^p\.yaml:1:1: needs "apiVersion"/,
    );
    assert.match(
      refusal(() => parseSelinux(document('[]'))),
      /^p\.yaml:1:1: must be a mapping/,
    );
  });
});

describe('parseRawSelinux', () => {
  const raw = (spec: object, version = 'v1') => parseRawSelinux(resource(spec, { kind: 'RawSelinuxProfile', version }));

  it('reads a policy', () => {
    const { profile } = raw({ policy: '(blockinherit container)\n', state: 'Enabled' });
    const policy = [{ statement: 'blockinherit', block: 'container' }];
    assert.deepEqual(profile, { kind: 'RawSELinux', name: 'errorlogger', policy });
    assert.deepEqual(raw({ policy: '(blockinherit container)\n', disabled: true }, 'v1alpha2').profile, profile);
  });

  it('says where in the policy something is wrong', () => {
    assert.match(
      refusal(() => raw({ policy: '(blockinherit container)\n (in x)' })),
      /^p\.yaml: spec\.policy:2:3: the statement "in"/,
    );
  });

  it('refuses what is not a policy', () => {
    assert.match(
      refusal(() => raw({})),
      /spec: needs "policy"/,
    );
    assert.match(
      refusal(() => raw({ policy: ['a'] })),
      /spec\.policy: must be text, is an array/,
    );
    assert.match(
      refusal(() => raw({ policy: '  \n' })),
      /inherits from no block/,
    );
  });
});
