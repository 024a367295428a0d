import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { formatReference } from '#lib/registry/reference';
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfile_ProfileType as ProfileType,
  SecurityProfileSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { type ProfileFields, profileRequests } from './profile-request.ts';

const root = '/var/lib/kubelet/seccomp';
const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com:5000/security/nginx@${digest}`;
const evil = `evil.example.com/x@sha256:${'cd'.repeat(32)}`;

type Init = Partial<Omit<ProfileFields, 'seccomp' | 'apparmor'>> & {
  seccomp?: MessageInitShape<typeof SecurityProfileSchema>;
  apparmor?: MessageInitShape<typeof SecurityProfileSchema>;
};

function requests({ seccomp, apparmor, ...fields }: Init) {
  const found = profileRequests(
    {
      seccompProfilePath: '',
      privileged: false,
      appliesAppArmor: true,
      annotations: {},
      annotationNames: ['nginx', 'POD'],
      ...fields,
      ...(seccomp === undefined ? {} : { seccomp: create(SecurityProfileSchema, seccomp) }),
      ...(apparmor === undefined ? {} : { apparmor: create(SecurityProfileSchema, apparmor) }),
    },
    root,
  );
  return new Map(
    found.map(({ kind, reference: wanted, base, mode, pulledByKubelet }) => [
      kind,
      {
        reference: formatReference(wanted),
        ...(base && { base }),
        ...(mode && { mode }),
        ...(pulledByKubelet && { pulledByKubelet }),
      },
    ]),
  );
}
const request = (init: Init) => requests(init).get('Seccomp');
const appArmor = (init: Init) => requests(init).get('AppArmor');
const localhost = (path: string) => request({ seccomp: { profileType: ProfileType.Localhost, localhostRef: path } });
const oci = (profile: Init['seccomp']) => request({ seccomp: { profileType: ProfileType.OCI, ...profile } });
const refuses = (action: () => unknown, about: RegExp) => {
  assert.throws(action, { kind: 'InvalidInput', message: about, hint: /./ });
};

describe('profile request: type OCI', () => {
  it('takes a pinned reference, alone and with a base', () => {
    assert.deepEqual(oci({ ociRef: reference }), { reference, pulledByKubelet: true });
    // An older proto numbers RuntimeDefault 0.
    for (const type of [BaseType.RuntimeDefault, BaseType.BaseTypeUnspecified]) {
      assert.deepEqual(oci({ ociRef: reference, baseProfile: { type } }), {
        reference,
        base: 'RuntimeDefault',
        pulledByKubelet: true,
      });
    }
    const base = { type: BaseType.Localhost, localhostRef: `${root}/operator/base.json` };
    assert.deepEqual(oci({ ociRef: reference, baseProfile: base }), {
      reference,
      base: { path: `${root}/operator/base.json` },
      pulledByKubelet: true,
    });
  });

  it('refuses what is not pinned, not complete, or says two things at once', () => {
    refuses(() => oci({ ociRef: 'registry.example.com/security/nginx:1' }), /not pinned/);
    refuses(() => oci({ ociRef: 'registry.example.com/security/nginx' }), /not pinned/);
    refuses(() => oci({ ociRef: `nginx@${digest}` }), /names no registry/);
    refuses(() => oci({ ociRef: '' }), /invalid reference/);
    refuses(() => oci({ ociRef: `oci://${reference}` }), /URL/);
    refuses(() => oci({ ociRef: reference, localhostRef: '/etc/x' }), /localhost_ref/);
    refuses(() => request({ seccomp: { profileType: ProfileType.Unconfined, ociRef: reference } }), /oci_ref/);
    refuses(
      () => request({ seccomp: { profileType: ProfileType.RuntimeDefault, baseProfile: {} } }),
      /oci_ref or a base/,
    );
  });

  it('refuses bases that are invalid or outside the seccomp root', () => {
    const withBase =
      (type: BaseType, localhostRef = '') =>
      () =>
        oci({ ociRef: reference, baseProfile: { type, localhostRef } });
    refuses(withBase(BaseType.BaseTypeUnspecified, `${root}/x`), /invalid base profile/);
    refuses(withBase(7 as BaseType), /invalid base profile/);
    refuses(withBase(BaseType.RuntimeDefault, `${root}/x`), /invalid base profile/);
    for (const path of [
      '',
      'relative',
      '/etc/shadow',
      `${root}/../../../etc/x`,
      `${root}/a/../b`,
      `${root}//x`,
      root,
      `${root}/`,
      `${root}x/y`,
    ]) {
      refuses(withBase(BaseType.Localhost, path), /not a file below/);
    }
    refuses(withBase(BaseType.Localhost, `${root}/oci/${evil}`), /reference itself/);
  });
});

describe('profile request: Localhost reference', () => {
  it('is read from the field', () => {
    const after = (text: string) => localhost(`${root}/oci/${reference}${text}`);
    assert.deepEqual(after('?base=RuntimeDefault&mode=log'), { reference, base: 'RuntimeDefault', mode: 'Log' });
    assert.equal(localhost(`${root}/profiles/audit.json`), undefined);
    refuses(() => after('/more'), /invalid digest/);
  });
});

describe('profile request: the deprecated string', () => {
  it('is read where the field is unset', () => {
    const byPath = `localhost/${root}/oci/${reference}?mode=log`;
    assert.deepEqual(request({ seccompProfilePath: byPath }), { reference, mode: 'Log' });
    assert.deepEqual(request({ seccompProfilePath: `localhost/${root}/oci/${reference}` }), { reference });
    assert.equal(request({ seccompProfilePath: `localhost/${root}/profiles/x.json` }), undefined);
    assert.equal(request({ seccompProfilePath: 'runtime/default' }), undefined);
    assert.equal(request({ seccompProfilePath: '' }), undefined);
  });

  it('must not carry another message than the field', () => {
    const path = `localhost/${root}/oci/${reference}`;
    const field = (profile: Init['seccomp']) =>
      request({ seccompProfilePath: path, ...(profile ? { seccomp: profile } : {}) });
    assert.deepEqual(field({ profileType: ProfileType.Localhost, localhostRef: `${root}/oci/${reference}` }), {
      reference,
    });
    refuses(() => field({ profileType: ProfileType.Unconfined }), /specifies something else/);
    refuses(() => field({ profileType: ProfileType.RuntimeDefault }), /specifies something else/);
    refuses(
      () => field({ profileType: ProfileType.Localhost, localhostRef: `${root}/x.json` }),
      /specifies something else/,
    );
    for (const other of [`oci/${evil}`, `oci/${reference}?mode=log`, `oci/${reference}?base=RuntimeDefault`]) {
      refuses(
        () => field({ profileType: ProfileType.Localhost, localhostRef: `${root}/${other}` }),
        /specifies something else/,
      );
    }
    assert.deepEqual(field({ profileType: ProfileType.OCI, ociRef: reference }), { reference, pulledByKubelet: true });
    refuses(() => field({ profileType: ProfileType.OCI, ociRef: evil }), /specifies something else/);
    refuses(() => request({ seccompProfilePath: `${root}/oci/${reference}` }), /without localhost\//);
    refuses(() => request({ seccompProfilePath: `localhost/oci/${reference}` }), /does not begin with/);
    refuses(() => request({ seccompProfilePath: `oci/${reference}` }), /does not begin with/);
    refuses(() => request({ seccompProfilePath: `Localhost/${root}/oci/${reference}` }), /does not begin with/);
  });
});

describe('profile request: annotations', () => {
  const newer = 'seccomp-profile.crio.io';
  const older = 'seccomp-profile.kubernetes.cri-o.io';
  it("speak for the container by name, then for the pod, in CRI-O's two forms", () => {
    const other = `registry.example.com/other@${digest}`;
    for (const prefix of [newer, older]) {
      assert.deepEqual(request({ annotations: { [`${prefix}/nginx`]: reference } }), { reference });
      assert.deepEqual(request({ annotations: { [`${prefix}/POD`]: reference } }), { reference });
    }
    assert.deepEqual(request({ annotations: { [`${newer}/POD`]: other, [`${older}/nginx`]: reference } }), {
      reference,
    });
    assert.deepEqual(request({ annotations: { [`${older}/nginx`]: other, [`${newer}/nginx`]: reference } }), {
      reference,
    });
    assert.equal(request({ annotations: { [`${newer}/sidecar`]: reference, [newer]: reference } }), undefined);
  });

  it('count only where seccomp is unset or Unconfined', () => {
    const annotations = { [`${newer}/nginx`]: reference };
    assert.deepEqual(request({ annotations, seccomp: { profileType: ProfileType.Unconfined } }), { reference });
    assert.deepEqual(request({ annotations, seccompProfilePath: 'unconfined' }), { reference });
    assert.equal(request({ annotations, seccomp: { profileType: ProfileType.RuntimeDefault } }), undefined);
    assert.equal(
      request({ annotations, seccomp: { profileType: ProfileType.Localhost, localhostRef: `${root}/x.json` } }),
      undefined,
    );
    assert.equal(request({ annotations, seccompProfilePath: 'runtime/default' }), undefined);
    assert.deepEqual(
      request({
        annotations: { [`${newer}/nginx`]: evil },
        seccomp: { profileType: ProfileType.OCI, ociRef: reference },
      }),
      { reference, pulledByKubelet: true },
    );
  });

  it('are refused if they are not a pinned reference', () => {
    for (const value of [
      '',
      'registry.example.com/x:latest',
      'nginx',
      `${reference}?base=x`,
      `${reference}?mode=log`,
      ` ${reference}`,
      '../../etc/x',
    ]) {
      refuses(() => request({ annotations: { [`${newer}/nginx`]: value } }), /invalid reference|not pinned/);
    }
  });

  it('do not come from the prototype of the map', () => {
    assert.equal(request({ annotationNames: ['__proto__', 'constructor'], annotations: {} }), undefined);
  });
});

describe('profile request: what would be ignored', () => {
  it('is refused for a privileged container, however it asks', () => {
    for (const fields of [
      { seccomp: { profileType: ProfileType.OCI, ociRef: reference } },
      { seccomp: { profileType: ProfileType.Localhost, localhostRef: `${root}/oci/${reference}` } },
      { seccompProfilePath: `localhost/${root}/oci/${reference}` },
      { annotations: { 'seccomp-profile.crio.io/POD': reference } },
    ]) {
      refuses(() => request({ ...fields, privileged: true }), /privileged/);
    }
    assert.equal(request({ privileged: true }), undefined);
  });
});

describe('profile request: AppArmor', () => {
  const name = `oci/${reference}`;
  const field = (localhostRef: string) => ({ profileType: ProfileType.Localhost, localhostRef });

  it('takes a Localhost reference from the field, the deprecated string, or both', () => {
    for (const fields of [
      { apparmor: field(name) },
      { apparmor: field(`localhost/${name}`) },
      { apparmorProfile: `localhost/${name}` },
      { apparmor: field(name), apparmorProfile: `localhost/${name}` },
    ]) {
      assert.deepEqual([...requests(fields)], [['AppArmor', { reference }]]);
    }
    const parameters = '?base=RuntimeDefault&mode=log';
    assert.deepEqual(appArmor({ apparmorProfile: `localhost/${name}${parameters}` }), {
      ...{ reference, base: 'RuntimeDefault', mode: 'Log' },
    });
  });

  it('takes type OCI, alone and with the default of the runtime as its base', () => {
    const type = { profileType: ProfileType.OCI, ociRef: reference };
    assert.deepEqual(appArmor({ apparmor: type }), { reference, pulledByKubelet: true });
    const baseProfile = { type: BaseType.RuntimeDefault };
    assert.deepEqual(appArmor({ apparmor: { ...type, baseProfile } }), {
      ...{ reference, base: 'RuntimeDefault', pulledByKubelet: true },
    });
    refuses(() => appArmor({ apparmor: { ...type, baseProfile: { type: BaseType.Localhost } } }), /RuntimeDefault/);
    refuses(() => appArmor({ apparmor: { ...type, localhostRef: 'x' } }), /localhost_ref/);
    refuses(() => appArmor({ apparmor: { profileType: ProfileType.OCI } }), /reference/);
  });

  it('is found beside one for seccomp', () => {
    const seccomp = { profileType: ProfileType.OCI, ociRef: evil };
    assert.deepEqual(
      [...requests({ seccomp, apparmor: field(name) })],
      [
        ['Seccomp', { reference: evil, pulledByKubelet: true }],
        ['AppArmor', { reference }],
      ],
    );
  });

  it('is not found in the names of profiles of the node', () => {
    const ordinary = { apparmor: field('my-profile'), apparmorProfile: 'localhost/my-profile' };
    const byDefault = { apparmor: { profileType: ProfileType.RuntimeDefault }, apparmorProfile: 'runtime/default' };
    const unconfined = { apparmor: { profileType: ProfileType.Unconfined }, apparmorProfile: 'unconfined' };
    for (const fields of [ordinary, byDefault, unconfined, { apparmorProfile: '' }])
      assert.equal(requests(fields).size, 0);
  });

  it('is refused if it names a policy that Fairlead has loaded for an artifact', () => {
    const loaded = `fairlead/${'ab'.repeat(32)}`;
    for (const named of [loaded, `${loaded}//&my-profile`, `my-profile//&${loaded}`, `:root://${loaded}`]) {
      for (const fields of [
        { apparmor: field(named), apparmorProfile: `localhost/${named}` },
        { apparmor: field(`localhost/${named}`) },
        { apparmorProfile: `localhost/${named}` },
        { apparmorProfile: named },
      ]) {
        refuses(() => requests(fields), /loaded for an artifact/);
      }
    }
    const repository = `registry.example.com/${loaded}@${digest}`;
    assert.deepEqual(appArmor({ apparmor: field(`oci/${repository}`) }), { reference: repository });
    assert.equal(requests({ apparmor: field('fairlead/my-profile') }).size, 0);
  });

  it('is refused if the field and the string differ, since runtimes differ in which counts', () => {
    for (const fields of [
      { apparmor: field(name), apparmorProfile: 'runtime/default' },
      { apparmor: field(name), apparmorProfile: `localhost/oci/${evil}` },
      { apparmor: field('my-profile'), apparmorProfile: `localhost/${name}` },
      { apparmor: { profileType: ProfileType.RuntimeDefault }, apparmorProfile: `localhost/${name}` },
      { apparmor: { profileType: ProfileType.OCI, ociRef: reference }, apparmorProfile: 'unconfined' },
    ]) {
      refuses(() => requests(fields), /specify different profiles/);
    }
  });

  it('keeps the repository of a reference, also if a part of it is called localhost', () => {
    for (const repository of ['localhost/security/nginx', 'xlocalhost/nginx']) {
      const named = `registry.example.com/${repository}@${digest}`;
      const fields = [
        { apparmor: field(`oci/${named}`) },
        { apparmor: field(`localhost/oci/${named}`) },
        { apparmorProfile: `localhost/oci/${named}` },
        { apparmor: field(`oci/${named}`), apparmorProfile: `localhost/oci/${named}` },
      ];
      for (const each of fields) assert.deepEqual(appArmor(each), { reference: named });
    }
  });

  it('is refused if it may be meant as a reference', () => {
    refuses(() => appArmor({ apparmor: field(reference) }), /looks like a reference/);
    refuses(() => appArmor({ apparmorProfile: `localhost/${reference}` }), /looks like a reference/);
    const sha384 = `registry.example.com/nginx@sha384:${'ab'.repeat(48)}`;
    refuses(() => appArmor({ apparmor: field(sha384) }), /looks like a reference/);
    refuses(() => appArmor({ apparmorProfile: name }), /without localhost\//);
    refuses(() => appArmor({ apparmorProfile: 'localhost/oci/registry.example.com/nginx:1.27' }), /digest/);
    refuses(() => appArmor({ apparmor: field(`${name}?base=localhost/other`) }), /RuntimeDefault/);
    refuses(() => appArmor({ apparmor: { profileType: ProfileType.RuntimeDefault, localhostRef: name } }), /type 0/);
    refuses(() => appArmor({ apparmor: { profileType: ProfileType.RuntimeDefault, ociRef: reference } }), /oci_ref/);
  });

  it('is refused where the runtime would ignore it', () => {
    refuses(() => requests({ apparmor: field(name), privileged: true }), /privileged/);
    refuses(() => requests({ apparmor: field(name), appliesAppArmor: false }), /sandbox/);
  });
});
