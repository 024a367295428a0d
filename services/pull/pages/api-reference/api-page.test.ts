import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiPage } from './api-page.ts';

const site = { version: '0', catalogs: [], policyRevision: '' };

describe('apiPage', () => {
  it('shows parameters, answers and named schemas, with links between them', () => {
    const schema = { $ref: '#/components/schemas/Profile' };
    const page = apiPage({
      site,
      document: {
        paths: {
          '/v1/things': {
            get: {
              operationId: 'getThings',
              summary: 'Get things',
              parameters: [
                { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, default: 50 } },
                { name: 'kind', in: 'query', required: true, schema: { enum: ['A', 'B'] }, description: 'Of `what`' },
              ],
              responses: {
                200: { description: 'All', content: { 'application/json': { schema } } },
                default: { content: { 'text/plain': { schema: { type: 'array', items: { type: 'string' } } } } },
              },
            },
          },
        },
        components: { schemas: { Profile: { properties: { self: schema }, required: ['self'] } } },
      },
    }).toString();
    assert.match(page, /<a href="#getThings"><b>GET<\/b> <code>\/v1\/things<\/code>/);
    assert.match(page, /<code>limit<\/code> <small>in query, integer, at least 1, default 50, optional</);
    assert.match(page, /<code>kind<\/code> <small>in query, A \| B<\/small><p>Of <code>what<\/code><\/p>/);
    assert.match(page, /<code>application\/json<\/code> <small><a href="#schema-Profile">Profile<\/a>/);
    assert.match(page, /<code>text\/plain<\/code> <small>list of string</);
    assert.match(
      page,
      /id="schema-Profile".*<code>self<\/code> <small><a href="#schema-Profile">Profile<\/a><\/small>/s,
    );
  });

  it('ends for a schema that is nested without end', () => {
    const nested: { properties: Record<string, object> } = { properties: {} };
    nested.properties['again'] = nested;
    const page = apiPage({ site, document: { components: { schemas: { Nested: nested } } } }).toString();
    assert.ok(page.length < 10_000);
  });
});
