import fc from 'fast-check';

/** A parameter of a route, as an OpenAPI document describes it. */
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: {
    readonly type?: string;
    readonly enum?: readonly string[];
    readonly minimum?: number;
    readonly maximum?: number;
    readonly maxLength?: number;
  };
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

/** An OpenAPI document, as far as requests are made from it. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A request to one route of a document. */
export interface GeneratedRequest {
  readonly method: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** Returns the routes of a document: `GET /v1/profiles`. */
export function routesOf({ paths }: OpenApiDocument): readonly string[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/**
 * Returns requests to a route, valid and invalid ones: values of a parameter are of its schema, of
 * `known` (what exists), or anything; parameters are missing, repeated or unknown.
 */
export function arbitraryRequest(
  document: OpenApiDocument,
  route: string,
  known: readonly string[],
): fc.Arbitrary<GeneratedRequest> {
  const [method = '', path = ''] = route.split(' ');
  const { parameters = [], requestBody } = document.paths[path]?.[method.toLowerCase()] ?? {};
  const query = parameters.filter((parameter) => parameter.in === 'query');
  const pairs = fc.tuple(...query.map((parameter) => arbitraryPairs(parameter, known)));
  const extra = fc.oneof(
    { weight: 9, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(arbitraryPair, { maxLength: 2 }) },
  );
  const payload =
    requestBody === undefined
      ? fc.constant(undefined)
      : fc.option(arbitraryPayload(Object.keys(requestBody.content), known), { nil: undefined });
  const accept = fc.constantFrom(
    undefined,
    '*/*',
    'application/json',
    'application/octet-stream',
    'text/html',
    ';;q=x,',
  );
  return fc.record({ pairs, extra, payload, accept }).map((made) => {
    const search = new URLSearchParams([...made.pairs.flat(), ...made.extra]).toString();
    return {
      method: method as GeneratedRequest['method'],
      path,
      url: search === '' ? path : `${path}?${search}`,
      headers: {
        ...(made.accept !== undefined && { accept: made.accept }),
        ...(made.payload !== undefined && { 'content-type': made.payload.type }),
      },
      body: made.payload?.bytes,
    };
  });
}

type Pair = [string, string];

const validProfile = '{"defaultAction":"SCMP_ACT_ERRNO"}';

const arbitraryText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 600, maxLength: 700 }),
);
const arbitraryPair: fc.Arbitrary<Pair> = fc.tuple(arbitraryText, arbitraryText);
const arbitraryBody = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.constantFrom(Buffer.from(validProfile), Buffer.from('{}'), Buffer.from('')),
);

/** A body, and its media type. */
interface Payload {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Returns anything as one of the types, or of another, and often what the route expects. */
function arbitraryPayload(types: readonly string[], known: readonly string[]): fc.Arbitrary<Payload> {
  const type = fc.constantFrom('application/json', ...types, 'text/plain', 'x');
  const valid = fc.record({ type: fc.constantFrom(...types), bytes: fc.constant(Buffer.from(validProfile)) });
  const expected = types.includes('multipart/form-data') ? arbitraryForm(known) : valid;
  return fc.oneof(
    { weight: 1, arbitrary: fc.record({ type, bytes: arbitraryBody }) },
    { weight: 3, arbitrary: expected },
  );
}

/** Returns forms with one or two profiles, each after a reference and possibly another field. */
function arbitraryForm(known: readonly string[]): fc.Arbitrary<Payload> {
  const name = fc.constantFrom('reference', 'title', 'failOn', 'overwrite', 'bundle', 'other');
  const profile = fc.record({
    reference: fc.constantFrom(...known),
    more: fc.option(fc.tuple(name, fc.oneof(fc.constantFrom('loosened', 'true', 'a.json'), arbitraryText)), {
      freq: 1,
    }),
    content: fc.oneof(
      { weight: 6, arbitrary: fc.constant(Buffer.from(validProfile)) },
      { weight: 1, arbitrary: arbitraryBody },
    ),
  });
  const part = (field: string, bytes: Uint8Array | string, more = ''): Uint8Array[] => [
    Buffer.from(`--boundary\r\ncontent-disposition: form-data; name="${field}"${more}\r\n\r\n`),
    Buffer.from(bytes),
    Buffer.from('\r\n'),
  ];
  return fc.array(profile, { minLength: 1, maxLength: 2 }).map((profiles) => ({
    type: 'multipart/form-data; boundary=boundary',
    bytes: Buffer.concat([
      ...profiles.flatMap(({ reference, more, content }) => [
        ...part('reference', reference),
        ...(more === null ? [] : part(...more)),
        ...part('profile', content, '; filename="a.json"'),
      ]),
      Buffer.from('--boundary--\r\n'),
    ]),
  }));
}

function arbitraryPairs({ name, required, schema }: Parameter, known: readonly string[]): fc.Arbitrary<Pair[]> {
  const values: fc.Arbitrary<string> = fc.oneof(
    { weight: 6, arbitrary: ofSchema(schema, known) },
    { weight: 1, arbitrary: arbitraryText },
  );
  const given = fc.array(
    values.map((value): Pair => [name, value]),
    { minLength: 1, maxLength: 1 },
  );
  const repeated = fc.array(
    values.map((value): Pair => [name, value]),
    { maxLength: 3 },
  );
  return fc.oneof(
    { weight: required ? 12 : 4, arbitrary: given },
    { weight: 1, arbitrary: repeated },
    { weight: required ? 1 : 4, arbitrary: fc.constant<Pair[]>([]) },
  );
}

function ofSchema(
  { type, enum: values, minimum = 0, maximum = 1000 }: Parameter['schema'],
  known: readonly string[],
): fc.Arbitrary<string> {
  if (values !== undefined) return fc.constantFrom(...values);
  if (type === 'integer') return fc.integer({ min: minimum, max: maximum }).map(String);
  return fc.constantFrom(...known);
}
