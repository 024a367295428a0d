import assert from 'node:assert/strict';
import { it } from 'node:test';
import { embeddedGreeting } from './embedded-greeting.ts';

const urls = { push: 'http://127.0.0.1:8080', pull: 'http://[::1]:8081' };

it('the greeting of serve --embedded has commands that work with the files of the directory', () => {
  assert.equal(
    embeddedGreeting({ directory: 'data', given: {}, ...urls }),
    'Open http://[::1]:8081/ in a browser to see what is published.\n' +
      'Registry, key, policy and token are in data.\nPublish:\n' +
      '  curl -H "Authorization: Bearer $(cat data/token)" -H "Content-Type: application/json" ' +
      '--data-binary @nginx.json "http://127.0.0.1:8080/v1/profiles?reference=localhost/security/nginx:1.27"\n' +
      'Fetch:\n  curl "http://[::1]:8081/v1/profiles?reference=localhost/security/nginx:1.27"\n',
  );
});

it('the greeting has placeholders if a policy, a key or a token was given', () => {
  const told = embeddedGreeting({ directory: 'data', given: { policy: 'mine.yaml', tokenFile: 'secret' }, ...urls });
  assert.match(
    told,
    /\nRegistry and key are in data\.\nThe policy mine\.yaml specifies what may be published and fetched\.\n/,
  );
  assert.match(told, /cat secret\)/);
  assert.match(told, /reference=REGISTRY\/REPOSITORY:TAG"/);
  assert.doesNotMatch(told, /localhost\/security/);
  // Its own policy takes only what its own key signs.
  for (const given of [{ unsigned: true }, { key: 'other.key' }]) {
    const own = embeddedGreeting({ directory: 'data', given, ...urls });
    assert.match(own, /\nRegistry, policy and token are in data\.\nThe policy data\/policy\.yaml specifies .*\n/);
    assert.doesNotMatch(own, /localhost\/security/);
  }
  const all = { policy: 'p', key: 'k', tokenFile: 't', ociLayout: 'o' };
  assert.match(
    embeddedGreeting({ directory: 'data', given: all, pull: 'http://a:1' }),
    /\nThe policy p specifies .*\nFetch:\n/,
  );
});

it('the greeting of a directory with profiles has one URL, and names where the commands are', () => {
  assert.equal(
    embeddedGreeting({ directory: 'data', given: {}, isSeeded: true, ...urls }),
    'Open http://[::1]:8081/ in a browser to see what is published.\nRegistry, key, policy and token are in data.\n' +
      'fairlead serve --help has commands that publish and fetch a profile.\n',
  );
});
