import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JWTPayload } from 'jose';
import type { Browser } from 'playwright-core';
import type { Digest } from '#lib/registry/digest';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { startBrowser } from '#test/support/browser/browser';
import { openPage } from '#test/support/browser/watched-page';
import { ProfilesProject, profileText } from '#test/support/ci/profiles-project';
import { startTokenEndpoint, type TokenEndpoint } from '#test/support/ci/token-endpoint';
import { run, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';
import { startTokenIssuer, type TokenIssuer } from '#test/support/oidc/token-issuer';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';

const audience = 'https://push.example.com';
/** The identity that Fulcio certifies for the job. */
const identity = 'https://github.com/acme/fairlead/.github/workflows/profiles.yml@refs/tags/v0';
const profile = profileText('getpid');
const calls: readonly string[] = JSON.parse(profile).syscalls[0].names.toSorted();

/** What the token of the job states. */
const job = {
  sub: 'repo:acme/profiles:ref:refs/heads/main',
  repository: 'acme/profiles',
  ref: 'refs/heads/main',
  job_workflow_ref: identity.replace('https://github.com/', ''),
};

describePeers(
  ['docker-registry', 'oras', 'chromium'],
  'profiles on their way from a job of GitHub through the services to a reader',
  () => {
    let folder = '';
    let registry: Registry;
    let issuer: TokenIssuer;
    let sigstore: PrivateSigstore;
    let fulcioAndLogs: SigstoreServer;
    let tokens: TokenEndpoint;
    let browser: Browser;
    const running: Services[] = [];
    const audiences: string[] = [];
    const file = (name: string): string => join(folder, name);
    const fairlead = async (...args: string[]): Promise<string> =>
      succeeded(await runFairlead(args, { cwd: folder, env: { FAIRLEAD_PASSPHRASE: '' } }));
    const serve = async (...args: string[]): Promise<Services> => {
      const services = await startServe([...args, '--policy', 'policy.yaml', '--audience', audience], { cwd: folder });
      running.push(services);
      return services;
    };

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fairlead-catalog-'));
      [registry, issuer, sigstore, browser] = await Promise.all([
        startRegistry(),
        startTokenIssuer(),
        privateSigstore(),
        startBrowser(),
      ]);
      fulcioAndLogs = await serveSigstore(sigstore, { subjectClaim: 'sub', oidcIssuer: issuer.url });
      // Fulcio makes the identity of the claim job_workflow_ref; this one takes it as the subject.
      tokens = await startTokenEndpoint(async (aud) => {
        audiences.push(aud);
        return issuer.sign({ ...job, aud, ...(aud === 'sigstore' && { sub: identity }) });
      });
      await fairlead('keygen', '--prefix', 'catalog');
      await Promise.all([
        writeFile(file('root.json'), JSON.stringify(sigstore.trustedRoot)),
        writeFile(file('signing.json'), JSON.stringify(fulcioAndLogs.signingConfig)),
        writeFile(
          file('policy.yaml'),
          JSON.stringify({
            apiVersion: 'fairlead.dev/v1',
            kind: 'TrustPolicy',
            trustedRoot: 'root.json',
            rules: [
              { match: `${registry.host}/acme/profiles/**`, require: [{ keyless: { issuer: issuer.url, identity } }] },
              { match: `${registry.host}/acme/catalog`, require: [{ key: 'catalog.pub' }] },
            ],
          }),
        ),
        writeFile(
          file('authorization.yaml'),
          JSON.stringify({
            apiVersion: 'fairlead.dev/v1',
            kind: 'Authorization',
            issuers: [{ issuer: issuer.url }],
            rules: [
              {
                issuer: issuer.url,
                claims: { repository: job.repository, ref: job.ref },
                verbs: ['publish'],
                repositories: [`${registry.host}/acme/profiles/*`],
              },
              // Without it, pages show nothing.
              { anyone: true, verbs: ['read'], repositories: ['**'] },
            ],
          }),
        ),
      ]);
      await serve(
        ...['--push', '127.0.0.1:0', '--unsigned', '--authorization', 'authorization.yaml'],
        ...['--audit-log', 'audit'],
      );
    });
    after(async () => {
      await browser?.close();
      await Promise.all(running.map((services) => services.stop()));
      await Promise.all([registry?.stop(), issuer?.stop(), fulcioAndLogs?.stop(), tokens?.stop()]);
      await rm(folder, { recursive: true });
    });

    /** Sends a profile, with a bundle if there is one. */
    async function send(
      { claims = {}, bundle }: { readonly claims?: JWTPayload; readonly bundle?: object },
      query = '',
    ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
      const form = new FormData();
      form.append('reference', `${registry.host}/acme/profiles/nginx:stable`);
      if (bundle !== undefined) form.append('bundle', new Blob([JSON.stringify(bundle)]), 'bundle.json');
      form.append('profile', new Blob([profile]), 'nginx.json');
      const authorization = `Bearer ${await issuer.sign({ ...job, aud: audience, ...claims })}`;
      const answer = await fetch(`${running[0]?.push}/v1/publications${query}`, {
        method: 'POST',
        headers: { authorization },
        body: form,
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    }

    const written = (): readonly string[] => registry.log.match(/"(?:PUT|POST|PATCH) \/v2\/[^"]*/g) ?? [];
    let digest = '';

    it('are not published by others, for other services, or with bundles of others or for other content', async () => {
      const planned = await send({}, '?dryRun=unsigned');
      assert.equal(planned.status, 200, JSON.stringify(planned.body));
      const [{ descriptor }] = planned.body['publications'] as [{ descriptor: Parameters<typeof sigstore.sign>[0] }];
      const signedBy = (by: string, of = descriptor): Promise<object> =>
        sigstore.sign(of, { identity: by, issuer: issuer.url });
      const own = await signedBy(identity);
      const other = { ...descriptor, digest: `sha256:${'ab'.repeat(32)}` as Digest };
      const refused: [Parameters<typeof send>[0], number, string][] = [
        [{ bundle: own, claims: { repository: 'acme/other' } }, 403, 'NotAllowed'],
        [{ bundle: own, claims: { ref: 'refs/pull/1/merge' } }, 403, 'NotAllowed'],
        [{ bundle: own, claims: { aud: 'https://other.example.com' } }, 401, 'Unauthenticated'],
        [{ bundle: own, claims: { aud: 'sigstore' } }, 401, 'Unauthenticated'],
        [{ bundle: await signedBy(`${identity}.evil`) }, 403, 'SignatureInvalid'],
        [{ bundle: await signedBy(identity, other) }, 403, 'SignatureInvalid'],
        [{}, 403, 'SignatureInvalid'],
      ];
      for (const [request, status, kind] of refused) {
        const { status: actual, body } = await send(request);
        assert.deepEqual([actual, body['kind']], [status, kind], JSON.stringify(body));
      }
      assert.deepEqual(written(), []);
    });

    it('are published by the workflow, signed by the job, and a second run changes nothing', async () => {
      const project = new ProfilesProject(folder, {
        'fairlead.yaml': `repository: ${registry.host}/acme/profiles\ntag: stable\nprofiles: [{directory: profiles}]\n`,
      });
      const options = [
        `--service-audience=${audience}`,
        `--signing-config=${file('signing.json')}`,
        `--trusted-root=${file('root.json')}`,
      ];
      const inputs = { service: running[0]?.push, args: options.join('\n') };
      const { publish } = await project.push('0'.repeat(40), inputs, { tokens });
      assert.equal(publish?.result, 'success', publish?.steps.map(({ stderr }) => stderr).join('\n'));
      const published: { name: string; status: string; digest: string }[] = JSON.parse(
        publish.outputs['profiles'] ?? '',
      );
      assert.equal(published.length, 30);
      assert.deepEqual(new Set(published.map(({ status }) => status)), new Set(['published']));
      digest = published.find(({ name }) => name === 'profile-07')?.digest ?? '';
      assert.deepEqual(audiences.toSorted(), [audience, 'sigstore']);
      const audit = (await readFile(file('audit'), 'utf8')).trim().split('\n');
      const callers = audit.flatMap((line) => {
        const { outcome, caller } = JSON.parse(line);
        return outcome === 'published' ? [caller.subject] : [];
      });
      assert.deepEqual([callers.length, new Set(callers)], [30, new Set([job.sub])]);

      const before = written().length;
      const env = { ACTIONS_ID_TOKEN_REQUEST_URL: tokens.url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: tokens.bearer };
      const cwd = project.repository.directory;
      const again = ['push', '--keyless', '--service', running[0]?.push ?? '', ...options];
      assert.match(succeeded(await runFairlead(again, { cwd, env })), /^30 unchanged; signer: /m);
      assert.equal(written().length, before);
    });

    it('are found in the catalog, and their pages show who signed them and what they permit', async () => {
      const catalog = `${registry.host}/acme/catalog:latest`;
      await fairlead(
        ...['catalog', 'build', catalog, '--prefix', `${registry.host}/acme/profiles/`],
        ...['--policy', 'policy.yaml', '--key', 'catalog.key'],
      );
      const { pull } = await serve(
        ...['--pull', '127.0.0.1:0', '--catalog', catalog, '--authorization', 'authorization.yaml'],
      );
      // It is ready as soon as it has read the catalog.
      while (!(await fetch(`${pull}/readyz`)).ok) await sleep(50);
      const { page, faults } = await openPage(browser, pull);
      await page.goto(pull);
      const names = await page.locator('.row h3 a').allInnerTexts();
      assert.equal(names.length, 30);
      await page.fill('.search input[name=q]', 'profile-07');
      await page.press('.search input[name=q]', 'Enter');
      await page.click('.row h3 a:has-text("profile-07")');
      assert.equal(await page.innerText('.title .badge.strict'), `Verified: signed by ${identity}`);
      const trust = await page.innerText('#trust');
      assert.match(trust, /^Verified$/m);
      assert.ok(trust.includes(`${identity}, as ${issuer.url} states`), trust);
      assert.ok((await page.innerText('#artifact')).includes(digest));
      const allowed = page.locator('#calls .outcomes > div:has(dt:text-matches("^Allowed", "i")) code');
      assert.deepEqual((await allowed.allTextContents()).toSorted(), calls);
      assert.deepEqual(faults, []);
    });

    it('are pulled by digest with their signatures verified, and by oras from the mirror', async () => {
      const reference = `${registry.host}/acme/profiles/profile-07@${digest}`;
      await fairlead('pull', reference, '--policy', 'policy.yaml', '--file', 'pulled.json');
      assert.equal(await readFile(file('pulled.json'), 'utf8'), profile);
      const pull = running[1]?.pull ?? '';
      const answer = await fetch(`${pull}/v1/profiles?reference=${encodeURIComponent(reference)}`);
      const body = (await answer.json()) as { verification?: { signatures: { certificate?: { identity: string } }[] } };
      assert.equal(answer.status, 200, JSON.stringify(body));
      assert.deepEqual(
        body.verification?.signatures.map(({ certificate }) => certificate?.identity),
        [identity],
      );
      const mirrored = `${new URL(pull).host}/${registry.host.replace(':', '_')}/acme/profiles/profile-07:stable`;
      succeeded(await run(peer('oras'), ['pull', '--plain-http', '--output', 'by-oras', mirrored], { cwd: folder }));
      assert.equal(await readFile(file('by-oras/profile.json'), 'utf8'), profile);
    });
  },
);
