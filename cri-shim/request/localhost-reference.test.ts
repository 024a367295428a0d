import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatReference } from '#lib/registry/reference';
import { parseLocalhostReference } from './localhost-reference.ts';

const root = '/var/lib/kubelet/seccomp';
const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com:5000/security/nginx@${digest}`;
const evil = `evil.example.com/x@sha256:${'cd'.repeat(32)}`;

const localhost = (path: string) => {
  const found = parseLocalhostReference(path, root);
  return found && { ...found, reference: formatReference(found.reference) };
};
const refuses = (action: () => unknown, about: RegExp) => {
  assert.throws(action, { kind: 'InvalidInput', message: about, hint: /./ });
};

describe('Localhost reference', () => {
  it('takes a reference right below the seccomp root, alone and with a base', () => {
    assert.deepEqual(localhost(`${root}/oci/${reference}`), { reference });
    assert.deepEqual(localhost(`${root}/oci/${reference}?base=operator/ns/base.json`), {
      reference,
      base: { path: `${root}/operator/ns/base.json` },
    });
    assert.deepEqual(localhost(`${root}/oci/localhost:5000/a@${digest}`), { reference: `localhost:5000/a@${digest}` });
  });

  it('takes the default of the runtime for a base, and files by two spellings', () => {
    const base = (text: string) => localhost(`${root}/oci/${reference}?base=${text}`)?.base;
    assert.equal(base('RuntimeDefault'), 'RuntimeDefault');
    assert.deepEqual(base('localhost/operator/base.json'), { path: `${root}/operator/base.json` });
    assert.deepEqual(base('localhost/RuntimeDefault'), { path: `${root}/RuntimeDefault` });
    assert.deepEqual(base('localhost/localhost/base.json'), { path: `${root}/localhost/base.json` });
    assert.deepEqual(base('operator/base.json'), { path: `${root}/operator/base.json` });
    assert.deepEqual(base('operator/localhost/base.json'), { path: `${root}/operator/localhost/base.json` });
  });

  it('takes a mode, alone and with a base', () => {
    const after = (text: string) => localhost(`${root}/oci/${reference}?${text}`);
    assert.deepEqual(after('mode=log'), { reference, mode: 'Log' });
    for (const text of ['base=RuntimeDefault&mode=log', 'mode=log&base=RuntimeDefault']) {
      assert.deepEqual(after(text), { reference, base: 'RuntimeDefault', mode: 'Log' });
    }
    refuses(() => after('mode=enforce'), /mode "enforce" is unknown/);
    refuses(() => after('mode=log&mode=log'), /digest is invalid/);
  });

  it('leaves ordinary paths alone', () => {
    for (const path of [
      '',
      `${root}/profiles/audit.json`,
      `${root}/operator/oci/x.json`,
      `${root}/oci.json`,
      `${root}/oci`,
      `${root}/ocis/registry.example.com/x`,
      '/elsewhere/seccomp/oci/registry.example.com/x:1',
      'runtime/default',
    ]) {
      assert.equal(localhost(path), undefined, path);
    }
  });

  it('refuses what stands under the reserved name and is no pinned reference', () => {
    refuses(() => localhost(`${root}/oci/`), /invalid reference/);
    refuses(() => localhost(`${root}/oci/x.json`), /names no registry/);
    refuses(() => localhost(`${root}/oci/registry.example.com/security/nginx:1.27`), /not pinned/);
    refuses(() => localhost(`${root}/oci/registry.example.com/security/nginx`), /not pinned/);
    refuses(() => localhost(`${root}/oci/registry.example.com/nginx@sha256:AB`), /invalid digest/);
    refuses(() => localhost(`${root}/oci/${reference}/more`), /invalid digest/);
    refuses(() => localhost(`${root}/oci/${reference}\n`), /invalid digest/);
    refuses(() => localhost(`${root}/oci/${reference}\0.json`), /invalid digest/);
    refuses(() => localhost(`${root}/oci/oci/${reference}`), /begins with oci\//);
  });

  it('refuses paths that only become references, or stop being one, when cleaned', () => {
    refuses(() => localhost(`${root}/a/../oci/${reference}`), /not a clean path/);
    refuses(() => localhost(`${root}//oci/${reference}`), /not a clean path/);
    refuses(() => localhost(`${root}/./oci/${reference}`), /not a clean path/);
    refuses(() => localhost(`${root}/oci//${reference}`), /not a clean path/);
    refuses(() => localhost(`${root}/oci/../../../../etc/x`), /not a clean path/);
    refuses(() => localhost(`${root}/oci/../profiles/x.json`), /not a clean path/);
  });

  it('refuses what looks like a reference and lies anywhere else', () => {
    refuses(() => localhost(`${root}/operator/oci/${reference}`), /does not begin with/);
    refuses(() => localhost(`${root}/oci:/${reference}`), /does not begin with/);
    refuses(() => localhost(`${root}/OCI/${reference}`), /does not begin with/);
    refuses(() => localhost(`/srv/kubelet/seccomp/oci/${reference}`), /does not begin with/);
    refuses(() => localhost(`oci/${reference}`), /does not begin with/);
    assert.throws(() => localhost(`/srv/oci/${reference}`), { hint: /`fairlead shim --seccomp-root DIRECTORY`/ });
    refuses(() => localhost(reference), /does not begin with/);
  });

  it('never lets what follows the digest change where the artifact comes from', () => {
    const after = (query: string) => () => localhost(`${root}/oci/${reference}${query}`);
    refuses(after(`?base=x${root}/oci/${evil}`), /no digest|clean|digest is invalid|reference itself|below/);
    refuses(after(`?base=oci/${evil}`), /reference itself/);
    refuses(after('?base=../../../../etc/shadow'), /clean|below/);
    refuses(after('?base=a/../../x'), /clean|below/);
    refuses(after('?base=/etc/shadow'), /below/);
    refuses(after('?base=a//b'), /clean|below/);
    refuses(after('?base=a/'), /clean|below/);
    refuses(after('?base=..'), /below/);
    refuses(after('?base='), /digest is invalid/);
    refuses(after('?base=localhost/'), /clean|below/);
    refuses(after('?base=localhost//etc/shadow'), /clean|below/);
    refuses(after('?base=localhost/../x'), /clean|below/);
    refuses(after(`?base=localhost/oci/${evil}`), /reference itself/);
    refuses(after('?base=RuntimeDefault/'), /clean|below/);
    refuses(after('?base=RuntimeDefault&base=a'), /digest is invalid/);
    refuses(after('?base=RuntimeDefault?base=a'), /digest is invalid/);
    refuses(after('?'), /digest is invalid/);
    refuses(after('?base=a&base=b'), /digest is invalid/);
    refuses(after('?base=a?base=b'), /digest is invalid/);
    refuses(after('?unsigned=true'), /digest is invalid/);
    refuses(after('?BASE=a'), /digest is invalid/);
    refuses(after('#base=a'), /invalid digest/);
    refuses(after(`@${digest}`), /invalid digest/);
    refuses(after('&base=a'), /invalid digest/);
  });

  it('returns for any path undefined, an error, or exactly the reference in it', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'oci',
        '..',
        '.',
        '',
        root,
        reference,
        evil,
        '?base=x',
        '?mode=log',
        '@',
        '/seccomp/oci/',
        'a.json',
        '?',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.constantFrom('', root, `${root}/`), (parts, start) => {
        const path = start + parts.join('/');
        let found: ReturnType<typeof localhost>;
        try {
          found = localhost(path);
        } catch (error) {
          assert.equal((error as { kind?: string }).kind, 'InvalidInput');
          return;
        }
        if (found === undefined) return assert.ok(!/@sha256:/.test(path) && !path.startsWith(`${root}/oci/`));
        const named = `${root}/oci/${found.reference}`;
        assert.ok(path === named || path.startsWith(`${named}?base=`) || path.startsWith(`${named}?mode=log`));
      }),
      { numRuns: 3000 },
    );
  });
});
