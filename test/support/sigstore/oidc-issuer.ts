import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An OIDC issuer on a loopback port, with the client `sigstore`, where a person can log in on
 * another device.
 */
export interface OidcIssuer {
  readonly url: string;
  /**
   * Acts as the person: opens the page, enters the code, logs in with this e-mail address, and
   * agrees; or cancels.
   */
  logIn(page: string, code: string, email: string): Promise<void>;
  cancel(page: string, code: string): Promise<void>;
  stop(): Promise<void>;
}

/** The part of `oidc-provider` that is used here: the package has no types. */
interface Provider {
  callback(): RequestListener;
}
type ProviderClass = new (issuer: string, configuration: object) => Provider;

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Starts an issuer with its own keys. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  let answer: RequestListener = (_, response) => response.writeHead(503).end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const { key_ops: _, ...jwk } = await crypto.subtle.exportKey('jwk', privateKey);
  const name: string = 'oidc-provider';
  const { default: OidcProvider } = (await import(name)) as { default: ProviderClass };
  const provider = new OidcProvider(url, {
    // Without its operations (`sign`), which the issuer would publish with the public key.
    jwks: { keys: [{ ...jwk, use: 'sig' }] },
    cookies: { keys: ['a key of the test'] },
    clients: [
      {
        client_id: 'sigstore',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: [deviceGrant],
        response_types: [],
        redirect_uris: [],
      },
    ],
    features: { deviceFlow: { enabled: true } },
    ttl: { DeviceCode: 600, Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    claims: { email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: async (_: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: id, email_verified: true }),
    }),
  });
  answer = provider.callback();
  return {
    url,
    async logIn(page, code, email) {
      const visitor = browser();
      const entered = await visitor.submit(await visitor.open(page), { user_code: code });
      const asked = await visitor.submit(entered, {});
      const known = await visitor.submit(asked, { login: email, password: 'any' });
      const done = await visitor.submit(known, {});
      if (!/sign-in success/i.test(done.text)) throw new Error(`the login failed: ${done.text.slice(0, 2000)}`);
    },
    async cancel(page, code) {
      const visitor = browser();
      const entered = await visitor.submit(await visitor.open(page), { user_code: code });
      await visitor.submit(entered, { abort: 'yes' });
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface Page {
  readonly url: string;
  readonly text: string;
}

/**
 * Returns a minimal browser for the pages of the issuer: cookies, redirects, the first form of a
 * page with its hidden fields.
 */
function browser(): {
  open(url: string, form?: URLSearchParams): Promise<Page>;
  submit(page: Page, fields: object): Promise<Page>;
} {
  const cookies = new Map<string, string>();

  async function open(url: string, form?: URLSearchParams): Promise<Page> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie, accept: 'text/html' },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) return open(new URL(location, url).href);
    return { url, text: await response.text() };
  }

  return {
    open,
    submit({ url, text }, fields) {
      const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
      if (action === undefined) throw new Error(`${url} has no form: ${text.slice(0, 2000)}`);
      const hidden = [...text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
        /name="([^"]*)"/.exec(input)?.[1] ?? '',
        /value="([^"]*)"/.exec(input)?.[1] ?? '',
      ]);
      return open(new URL(action, url).href, new URLSearchParams({ ...Object.fromEntries(hidden), ...fields }));
    },
  };
}
