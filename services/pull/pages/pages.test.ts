import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { hostileProfiles } from '#test/support/pages/hostile-profiles';
import { PagesSite } from '#test/support/pages/pages-site';
import { manyProfiles, someProfiles } from '#test/support/pages/profiles';

const example = readFileSync(new URL('../../../examples/nginx.json', import.meta.url), 'utf8');
const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

describe('the web pages', () => {
  let site: PagesSite;
  before(async () => {
    site = await PagesSite.start(someProfiles);
  });
  after(() => site.close());
  const get = (url: string, headers: Record<string, string> = browser) => site.app.inject({ url, headers });
  const post = (fields: Record<string, string>) =>
    site.app.inject({
      method: 'POST',
      url: '/playground',
      headers: { ...browser, 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString(),
    });

  it('allow no scripts and no other hosts, in all answers', async () => {
    const { body } = await get('/');
    const sheet = /href="(\/assets\/[^"]+\.css)"/.exec(body)?.[1] ?? '';
    for (const url of [
      '/',
      sheet,
      '/assets/icon.svg',
      '/filters/signer',
      '/images',
      '/playground',
      '/api',
      '/nowhere',
    ]) {
      const { headers } = await get(url);
      assert.equal(
        headers['content-security-policy'],
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        url,
      );
      assert.equal(headers['referrer-policy'], 'no-referrer', url);
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.equal(headers['set-cookie'], undefined, url);
    }
    assert.equal((await get(sheet)).headers['cache-control'], 'public, max-age=31536000, immutable');
  });

  it('are in no frame, and run nothing, whatever is asked and however it fails', async () => {
    const { etag } = (await get('/')).headers;
    const digest = `sha256:${'0'.repeat(64)}`;
    for (const [url, headers] of [
      ['/', { 'if-none-match': String(etag) }],
      ['/?q=a&q=b', { accept: '*/*' }],
      ['/nowhere', { accept: '*/*' }],
      ['/profiles/%', browser],
      ['/v1/catalogs', browser],
      ['/v1/profiles?reference=x', browser],
      ['/v2/', browser],
      [`/v2/registry.example.com/nginx/blobs/${digest}`, browser],
      ['/openapi.json', browser],
      ['/metrics', browser],
      ['/readyz', browser],
    ] as const) {
      const { headers: answered, statusCode } = await get(url, headers);
      assert.match(String(answered['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/, url);
      assert.equal(answered['x-content-type-options'], 'nosniff', url);
      if (statusCode >= 400) assert.equal(answered['cache-control'], 'no-store', url);
    }
    assert.equal((await get('/nowhere', { accept: '*/*' })).headers.vary, 'accept');
  });

  it('show no control characters of an address or an error, and none that change the direction of text', async () => {
    const text = encodeURIComponent('a\u202E\u2066\u0000\u001B[31m');
    for (const url of [
      `/nowhere/${text}`,
      `/profiles/${text}`,
      `/profiles/registry.example.com/${text}`,
      `/profiles/registry.example.com/nginx:1?from=${text}`,
      `/images/${text}`,
      `/images?q=${text}`,
      `/why?reference=${text}`,
      `/why?reference=registry.example.com/nginx&kind=${text}`,
      `/?q=${text}`,
      `/?kind=${text}`,
      `/?signer=${text}&image=${text}&arch=${text}`,
      `/filters/image?q=${text}&signer=${text}`,
      `/?after=${text}`,
    ]) {
      // A field of a form has what was entered.
      const shown = (await get(url)).body.replaceAll(/\bvalue="[^"]*"/g, '');
      const found = /[\p{Bidi_Control}\p{Cc}]/u.exec(shown.replaceAll('\n', ''));
      assert.equal(found && shown.slice(found.index - 60, found.index + 20), null, url);
    }
  });

  it('lead back from a position behind the last one', async () => {
    const last = Buffer.from(JSON.stringify(['name', 'zzz', 'z'])).toString('base64url');
    for (const url of ['/filters/image?from=900000', '/images?from=900000', `/?after=${last}`]) {
      const { body } = await get(url);
      assert.match(body, /<p>None of \d+<\/p>/, url);
      const back = /rel="prev" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? assert.fail(url);
      assert.match((await get(back)).body, /<span>docker.io|<li class="row">|class="values filter"><ul><li>/, back);
    }
  });

  it('are compressed as the browser takes it, and not sent again if they are the same', async () => {
    const plain = await get('/');
    for (const [coding, decode] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync],
    ] as const) {
      const answer = await get('/', { ...browser, 'accept-encoding': coding });
      assert.equal(answer.headers['content-encoding'], coding);
      assert.equal(decode(answer.rawPayload).toString(), plain.body);
    }
    assert.equal(
      (await get('/', { ...browser, 'accept-encoding': 'br;q=0, deflate' })).headers['content-encoding'],
      undefined,
    );
    const etag = String(plain.headers['etag']);
    const again = await get('/', { ...browser, 'if-none-match': etag });
    assert.deepEqual([again.statusCode, again.body, again.headers['vary']], [304, '', 'accept, accept-encoding']);
    assert.equal((await get('/?kind=AppArmor', { ...browser, 'if-none-match': etag })).statusCode, 200);
  });

  it('of 10,000 profiles have less than 60 KB', async () => {
    site.show(manyProfiles(10_000));
    const next = /href="\/\?after=([^"]+)"[^>]*>Next/.exec((await get('/')).body)?.[1];
    assert.ok(next);
    for (const url of ['/', `/?after=${next}`, '/filters/image', '/images']) {
      const { rawPayload, body, headers } = await get(url, { ...browser, 'accept-encoding': 'gzip, br' });
      assert.equal(headers['content-encoding'], 'br', body);
      assert.ok(rawPayload.length < 60_000, `${url} has ${rawPayload.length} bytes`);
    }
    site.show(someProfiles);
  });

  it('answer browsers with a page for an error, and programs with problem details', async () => {
    for (const [url, status, title] of [
      ['/nowhere', 404, 'No page at /nowhere'],
      ['/?sort=size', 400, 'Invalid query parameter sort &quot;size&quot;: want one of name, updated, calls'],
      ['/filters/size', 404, 'The catalog has no filter of this name'],
    ] as const) {
      const page = await get(url);
      assert.equal(page.statusCode, status);
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
      assert.match(page.body, new RegExp(`<h1>${title.replace(/[?]/g, '\\?')}</h1>`));
      assert.ok(page.body.includes(`<code>${page.headers['x-request-id']}</code>`));
      const problem = await get(url, { accept: '*/*' });
      assert.equal(problem.headers['content-type'], 'application/problem+json');
      assert.deepEqual([problem.statusCode, problem.json().status], [status, status]);
    }
    const ofApi = await get('/v1/profiles?reference=x');
    assert.equal(ofApi.headers['content-type'], 'application/problem+json');
    const elsewhere = await get('//evil.example.com/%3Cscript%3E');
    assert.equal(elsewhere.statusCode, 404);
    assert.doesNotMatch(elsewhere.body, /<script|href="\/\//);
  });

  it('have no column of dates if no profile has one, and no plural for one value', async () => {
    const undated = someProfiles.map(({ versions: [{ created: _, ...newest }], ...profile }) => ({
      ...profile,
      versions: [{ ...newest, signers: [] }] as const,
    }));
    site.show(someProfiles);
    assert.match((await get('/')).body, />Updated</);
    site.show(undated);
    assert.doesNotMatch((await get('/')).body, />Updated</);
    assert.match((await get('/filters/signer')).body, /<h1>1 signer<\/h1>/);
  });

  it('escape every text of a publisher', async () => {
    site.show(hostileProfiles);
    for (const url of [
      '/',
      '/filters/image',
      '/filters/architecture',
      '/images',
      '/?q=%3Cscript%3Ealert(1)%3C/script%3E',
    ]) {
      const { body, statusCode } = await get(url);
      assert.equal(statusCode, 200, body);
      const shown = body.replaceAll(/ href="[^"]*"/g, '');
      // Whole documents are too long to be shown in a failure.
      for (const hostile of [
        '<script',
        '<img',
        '<svg onload',
        ' onmouseover="',
        '\u202E',
        '\u2066',
        '\0',
        '\u2028',
        'x'.repeat(200),
      ]) {
        assert.ok(!shown.includes(hostile), `${url} has ${JSON.stringify(hostile)}`);
      }
      assert.ok(!/(?:href|action|src)="(?!\/|#|https:\/\/fairlead\.dev")/.test(body), url);
      assert.ok(!/\p{M}{3}/u.test(shown), url);
    }
    assert.match((await get('/')).body, /They are shown as \uFFFD/);
    site.show(someProfiles);
    assert.doesNotMatch((await get('/')).body, /They are shown as/);
  });

  it('state nothing as verified that this site has not verified', async () => {
    const { body } = await get('/');
    assert.doesNotMatch(body.replace(/<footer.*/s, ''), /verified/);
    assert.match(body, /acme\/profiles on GitHub/);
    assert.match(body, /no known signer/);
  });

  it('explain what is pasted, and send it to no cache', async () => {
    const answer = await post({ profile: example.replace('"accept4"', '"acept4"'), other: example });
    assert.equal(answer.statusCode, 200, answer.body);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(answer.body, /&quot;acept4&quot; is not a syscall of the listed\s+architectures/);
    assert.match(answer.body, /leaves <b>235<\/b> of the 352 system calls/);
    assert.doesNotMatch(answer.body, /programs for aarch64/);
    assert.match(answer.body, /Loosened <small>1<\/small>.*<code><bdi>acept4<\/bdi><\/code>/s);
    assert.match(answer.body, /Tightened <small>1<\/small>.*<code><bdi>accept4<\/bdi><\/code>/s);
  });

  it('report what cannot be read, beside what was pasted', async () => {
    const broken = await post({ profile: '{"a": "</textarea><script>"' });
    assert.equal(broken.statusCode, 422, broken.body);
    assert.match(broken.body, /The profile cannot be read\.<\/strong> profile:1:\d+: not valid JSON/);
    assert.doesNotMatch(broken.body, /<script/);
    assert.match(broken.body, /&lt;\/textarea&gt;&lt;script&gt;/);
    const others = await post({ profile: example, other: '{' });
    assert.match(others.body, /They cannot be compared\.<\/strong> older profile:1:/);
    const empty = await site.app.inject({ method: 'POST', url: '/playground', headers: browser });
    assert.equal(empty.statusCode, 422, empty.body);
    assert.equal((await post({ profile: 'x'.repeat(257 * 1024) })).statusCode, 413);
    assert.equal((await post({ profile: 'x'.repeat(2 * 1024 * 1024) })).statusCode, 413);
  });

  it('show no profile if not all callers may read', async () => {
    const open = site.authorization.current;
    site.authorization.current = { ...open, rules: [] };
    for (const url of [
      '/',
      '/?q=nginx',
      '/filters/image',
      '/images',
      '/images/registry.example.com/security/nginx',
      '/profiles/registry.example.com/security/nginx',
      '/why?reference=registry.example.com/security/nginx:1',
    ]) {
      const answer = await get(url);
      assert.equal(answer.statusCode, 403, url);
      assert.match(answer.body, /not all callers may read/);
      assert.ok(!answer.body.includes('registry.example.com/security/'), url);
    }
    for (const url of ['/playground', '/api']) assert.equal((await get(url)).statusCode, 200);
    site.authorization.current = open;
  });

  it('document each operation of the service, and no page', async () => {
    const { paths } = (await get('/openapi.json')).json();
    const { body } = await get('/api');
    for (const path of Object.keys(paths)) assert.ok(body.includes(`<code>${path}</code>`), path);
    assert.deepEqual(
      Object.keys(paths).filter((path) => !/^\/(?:v\d|healthz|readyz|metrics)/.test(path)),
      [],
    );
  });
});
