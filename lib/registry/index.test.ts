import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';

it('loads without an HTTP client or a database, which come with their first use', () => {
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      if (/^(?:undici|node:sqlite)$/.test(specifier)) throw new Error('loaded ' + specifier);
      return next(specifier, context);
    } });
    const registry = await import('#lib/registry/index');
    console.log(typeof registry.remoteRepository);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
  });
  assert.equal(output.trim(), 'function');
});
