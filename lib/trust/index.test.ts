import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { generateKeyPair } from './keys/key.ts';

/** Runs a program in which loading one of these packages is an error. */
function runWithout(packages: RegExp, program: string): string {
  const text = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      if (${packages}.test(specifier)) throw new Error('loaded ' + specifier);
      return next(specifier, context);
    } });
    ${program}`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', text], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
  }).trim();
}

describe('fairlead/trust', () => {
  it('loads without an HTTP client, a verifier of certificates or TUF, which come with their first use', () => {
    const program = `const trust = await import('#lib/trust/index'); console.log(typeof trust.verifyArtifact);`;
    assert.equal(
      runWithout(/^(?:undici|@sigstore\/(?!bundle|protobuf-specs)|tuf-js|node:sqlite)/, program),
      'function',
    );
  });

  it('signs with a key without any of them', async () => {
    const { privateKey } = await generateKeyPair();
    const program = `
      const { attachSignature, keySigner, loadPrivateKey } = await import('#lib/trust/index');
      const { memoryRepository, digestOf } = await import('#lib/registry/index');
      const descriptor = { mediaType: 'x/y', digest: digestOf(Buffer.from('x')), size: 1 };
      const signer = keySigner(await loadPrivateKey(${JSON.stringify(privateKey)}));
      const reference = { registry: 'a.b', repository: 'c' };
      const { size } = await attachSignature(memoryRepository(), { descriptor, reference, signer, format: 'bundle' });
      console.log(size > 0);`;
    assert.equal(runWithout(/^(?:undici|@sigstore\/(?!bundle|protobuf-specs)|tuf-js|node:sqlite)/, program), 'true');
  });
});
