/** The stream transport against peers that split, stretch, delay and invent responses. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectTransport, openDevice } from './transport.ts';
import type { TpmTransport } from './transport.ts';
import { ByteWriter } from './codec.ts';
import { nodeCrypto, SimulatedTpm, startup, Tpm } from './index.ts';

const COMMAND = Uint8Array.of(0x80, 0x01, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8);

function response(size: number, claimed = size): Uint8Array {
  const writer = new ByteWriter().u16(0x8001).u32(claimed).u32(0);
  return writer.bytes(new Uint8Array(size - 10)).done();
}

/** A peer on a UNIX socket that does `answer` for each chunk that it receives. */
async function withPeer(
  answer: (socket: Socket, received: Buffer) => void,
  use: (transport: TpmTransport) => Promise<void>,
  timeoutMs = 2000,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'refmon-transport-'));
  const path = join(directory, 'tpm');
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      answer(socket, chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const transport = await connectTransport({ path }, { timeoutMs });
  try {
    await use(transport);
  } finally {
    await transport.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  }
}

test('a response that comes byte by byte is one response', async () => {
  const whole = response(30);
  await withPeer(
    (socket) => {
      for (const byte of whole) socket.write(Uint8Array.of(byte));
    },
    async (transport) => {
      for (let i = 0; i < 3; i += 1) assert.deepEqual(await transport.send(COMMAND), whole);
    },
  );
});

test('a response of exactly 4096 bytes is taken, one that claims 4097 or 9 is refused', async () => {
  const peer = (bytes: Uint8Array) => (socket: Socket) => void socket.write(bytes);
  await withPeer(peer(response(4096)), async (transport) => {
    assert.equal((await transport.send(COMMAND)).length, 4096);
  });
  for (const claimed of [4097, 9, 0xffffffff]) {
    await withPeer(peer(response(20, claimed)), async (transport) => {
      await assert.rejects(transport.send(COMMAND), { code: 'TPM_BAD_RESPONSE' });
      await assert.rejects(transport.send(COMMAND), { code: 'TPM_BAD_RESPONSE' }, 'the connection is closed for good');
    });
  }
});

test('bytes after a response, or without a command, close the connection', async () => {
  await withPeer(
    (socket) => socket.write(Buffer.concat([response(12), response(12)])),
    (transport) => assert.rejects(transport.send(COMMAND), { code: 'TPM_BAD_RESPONSE' }),
  );
  await withPeer(
    (socket) => {
      socket.write(response(12));
      setTimeout(() => socket.write(response(12)), 5);
    },
    async (transport) => {
      await transport.send(COMMAND);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await assert.rejects(transport.send(COMMAND), { code: 'TPM_BAD_RESPONSE' });
    },
  );
});

test('no answer in time, and an end in the middle of an answer, are told apart', async () => {
  await withPeer(
    () => undefined,
    (transport) => assert.rejects(transport.send(COMMAND), { code: 'TPM_TIMEOUT' }),
    30,
  );
  await withPeer(
    (socket) => socket.end(response(20).subarray(0, 15)),
    (transport) => assert.rejects(transport.send(COMMAND), { code: 'TPM_GONE' }),
  );
});

test('commands of 10 to 4096 bytes go out; a second one in flight is refused', async () => {
  await withPeer(
    (socket, received) => {
      if (received.length >= 10) setTimeout(() => socket.write(response(10)), 10);
    },
    async (transport) => {
      assert.throws(() => transport.send(new Uint8Array(9)), RangeError);
      assert.throws(() => transport.send(new Uint8Array(4097)), RangeError);
      const first = transport.send(new Uint8Array(4096));
      await assert.rejects(transport.send(COMMAND), { code: 'TPM_BUSY' });
      await first;
      const cut = transport.send(COMMAND);
      await transport.close();
      await assert.rejects(cut, { code: 'TPM_CLOSED' });
    },
  );
});

test('TCP carries the same bytes; a port or device where nobody is says so', async () => {
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => socket.write(simulated.execute(chunk)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const tpm = new Tpm(await connectTransport({ host: '127.0.0.1', port }), { crypto: nodeCrypto });
  await tpm.run(startup());
  assert.equal((await tpm.random(40)).length, 40);
  await tpm.close();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(connectTransport({ host: '127.0.0.1', port }), { code: 'TPM_UNREACHABLE' });
  await assert.rejects(openDevice('/nonexistent/tpmrm0'), { code: 'TPM_UNREACHABLE' });
});
