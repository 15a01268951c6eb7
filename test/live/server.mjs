// An HTTP/2 server of Node's own http2 module, with an endpoint for each thing a client should meet.
//
// Configuration is one JSON object in the first argument: port, key, cert (paths; without them h2c),
// settings (as http2 names them), session (further options of createServer).
// The process ends when its standard input does, so that it cannot outlive the tests.
//
//   GET  /                    "hello from node\n"
//   any  /fields              the request's method, path and fields as JSON
//   GET  /bytes/N             N octets: the octet at i is i mod 251; content-length; HEAD too
//   GET  /stream/N            the same, without content-length
//   POST /echo                the body as it came, content-type kept; received trailers sent back as trailers
//   POST /digest              JSON: size, sha256 (hex) and trailers of the body
//   GET  /push                HTML, after promises of /pushed/style.css and /pushed/app.js
//   GET  /push/N              N promises of /pushed/0 ...
//   GET  /push/late           a promise after half of the body
//   GET  /trailers            a body, then "x-checksum" and "x-trailer" twice
//   GET  /hints               103 with two link fields, another 103, then 200
//   GET  /continue            Expect: 100-continue is answered with 100, then echo
//   GET  /gzip, /deflate, /br "hello from node\n" a thousand times, coded so
//   GET  /goaway              answers, then GOAWAY with NO_ERROR and the stream's id
//   GET  /goaway/C            GOAWAY with error code C, debug data "asked for", then closed; no answer
//   GET  /reset/C             RST_STREAM with code C at once
//   GET  /reset/C/N           N octets, then RST_STREAM with code C
//   GET  /destroy             the connection is cut, without GOAWAY or close_notify
//   GET  /drip/N/MS           N pieces "drip\n", one each MS milliseconds
//   GET  /status/N            that status, with a body where it may have one (204 and 304 may not)
//   GET  /cookies             two set-cookie fields
//   GET  /big-fields/N        a response field of N octets
//   GET  /never               no answer
//   GET  /sessions            JSON: how many connections were accepted so far
//   GET  /altsvc              ALTSVC and ORIGIN frames, then an answer
//
// CONNECT to host:port makes a TCP connection; 502 where that fails. With :protocol (where settings has
// enableConnectProtocol) /echo sends every octet back, and /refuse answers 403 with a few words.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import zlib from 'node:zlib';

const config = JSON.parse(process.argv[2]);
let sessions = 0;
let accepted; // the socket of the session to come
const sockets = new Map();

const UNIT = 251 * 64;
const PATTERN = Buffer.alloc(UNIT * 2, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
const text = { ':status': 200, 'content-type': 'text/plain' };
const json = { ':status': 200, 'content-type': 'application/json' };

function octetsAt(start, count) {
  const shift = start % 251;
  return PATTERN.subarray(shift, shift + count);
}

function generate(stream, total, ended = () => stream.end()) {
  let at = 0;
  const more = () => {
    while (at < total) {
      if (stream.destroyed) return;
      const count = Math.min(UNIT, total - at);
      const room = stream.write(octetsAt(at, count));
      at += count;
      if (!room) {
        stream.once('drain', more);
        return;
      }
    }
    ended();
  };
  more();
}

function whole(stream, then) {
  const pieces = [];
  stream.on('data', (piece) => pieces.push(piece));
  stream.on('end', () => stream.destroyed || then(Buffer.concat(pieces)));
}

function own(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
}

function push(stream, path, content, type = 'text/plain') {
  stream.pushStream({ ':path': path }, (error, pushed) => {
    if (error) return;
    pushed.on('error', () => {});
    pushed.respond({ ':status': 200, 'content-type': type });
    pushed.end(content);
  });
}

const answers = {
  '': (stream) => {
    stream.respond(text);
    stream.end('hello from node\n');
  },
  fields: (stream, headers) => {
    stream.respond(json);
    stream.end(JSON.stringify({
      method: headers[':method'], path: headers[':path'], authority: headers[':authority'],
      scheme: headers[':scheme'], fields: own(headers),
    }));
  },
  bytes: (stream, headers, total) => {
    const head = headers[':method'] === 'HEAD';
    stream.respond({ ...text, 'content-length': total }, { endStream: head });
    if (!head) generate(stream, Number(total));
  },
  stream: (stream, headers, total) => {
    stream.respond(text);
    generate(stream, Number(total));
  },
  echo: (stream, headers) => {
    let trailers = {};
    stream.on('trailers', (received) => { trailers = own(received); });
    stream.respond(
      { ':status': 200, 'content-type': headers['content-type'] ?? 'application/octet-stream' },
      { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-echoed': 'yes', ...trailers }));
    stream.pipe(stream);
  },
  digest: (stream) => {
    const hash = createHash('sha256');
    let size = 0;
    let trailers = {};
    stream.on('trailers', (received) => { trailers = own(received); });
    stream.on('data', (piece) => { hash.update(piece); size += piece.length; });
    stream.on('end', () => {
      if (stream.aborted || stream.destroyed) return; // it was cancelled
      stream.respond(json);
      stream.end(JSON.stringify({ size, sha256: hash.digest('hex'), trailers }));
    });
  },
  push: (stream, headers, count) => {
    if (stream.pushAllowed) {
      if (count === 'late') {
        stream.respond(text);
        stream.write('before ');
        push(stream, '/pushed/late', 'late');
        stream.end('after');
        return;
      }
      if (count === undefined) {
        push(stream, '/pushed/style.css', 'body { color: green }\n', 'text/css');
        push(stream, '/pushed/app.js', 'console.log(1)\n', 'text/javascript');
      }
      for (let i = 0; i < Number(count ?? 0); i++) push(stream, `/pushed/${i}`, `pushed ${i}`);
    }
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end('<title>push</title>\n');
  },
  trailers: (stream) => {
    stream.respond({ ...text, trailer: 'x-checksum, x-trailer' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(
      { 'x-checksum': '1234', 'x-trailer': ['one', 'two'] }));
    stream.end('body before trailers\n');
  },
  hints: (stream) => {
    stream.additionalHeaders(
      { ':status': 103, link: ['</style.css>; rel=preload; as=style', '</app.js>; rel=preload'] });
    stream.additionalHeaders({ ':status': 103, 'x-hint': 'second' });
    stream.respond(text);
    stream.end('after hints\n');
  },
  continue: (stream, headers) => {
    if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
    whole(stream, (body) => {
      stream.respond(text);
      stream.end(body);
    });
  },
  gzip: (stream) => coded(stream, 'gzip', zlib.gzipSync),
  deflate: (stream) => coded(stream, 'deflate', zlib.deflateSync),
  br: (stream) => coded(stream, 'br', zlib.brotliCompressSync),
  goaway: (stream, headers, code) => {
    if (code !== undefined) {
      stream.session.goaway(Number(code), 0, Buffer.from('asked for'));
      const socket = sockets.get(stream.session);
      setImmediate(() => socket.end());
      return;
    }
    stream.respond(text);
    stream.session.goaway(0, stream.id);
    stream.end('goodbye\n');
  },
  reset: (stream, headers, code, total) => {
    if (total === undefined) {
      stream.close(Number(code));
      return;
    }
    // Who waits for trailers withholds END_STREAM, which close() would else send before RST_STREAM.
    stream.respond(text, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.close(Number(code)));
    generate(stream, Number(total));
  },
  destroy: (stream) => sockets.get(stream.session).destroy(),
  drip: (stream, headers, count, pause) => {
    stream.respond(text);
    let left = Number(count);
    const drop = () => {
      if (stream.destroyed) return;
      if (left-- === 0) stream.end();
      else {
        stream.write('drip\n');
        setTimeout(drop, Number(pause));
      }
    };
    drop();
  },
  status: (stream, headers, status) => {
    const bodiless = status === '204' || status === '304' || headers[':method'] === 'HEAD';
    stream.respond({ ':status': Number(status), etag: '"node"' }, { endStream: bodiless });
    if (!bodiless) stream.end(`status ${status}\n`);
  },
  cookies: (stream) => {
    stream.respond({ ...text, 'set-cookie': ['a=1; Path=/', 'b=2; Path=/'] });
    stream.end();
  },
  'big-fields': (stream, headers, size) => {
    stream.respond({ ...text, 'x-big': 'b'.repeat(Number(size)) });
    stream.end('big\n');
  },
  never: () => {},
  sessions: (stream) => {
    stream.respond(json);
    stream.end(JSON.stringify({ sessions }));
  },
  altsvc: (stream) => {
    stream.session.altsvc('h2=":8000"', stream.id);
    if (stream.session.encrypted) stream.session.origin('https://example.org');
    stream.respond(text);
    stream.end('altsvc\n');
  },
};

function coded(stream, coding, code) {
  stream.respond({ ...text, 'content-encoding': coding });
  stream.end(code(Buffer.from('hello from node\n'.repeat(1000))));
}

function connect(stream, headers) {
  if (headers[':protocol'] !== undefined) {
    if (headers[':path'] === '/echo') {
      const { ':scheme': scheme, ':authority': authority, ':protocol': protocol } = headers;
      stream.respond({ ':status': 200, 'x-asked': `${protocol} ${scheme} ${authority}` });
      stream.pipe(stream);
    } else {
      stream.respond({ ':status': 403, 'x-why': 'asked for' });
      stream.end('no tunnel here\n');
    }
    return;
  }
  const [, host, port] = /^(.*):(\d+)$/.exec(headers[':authority']);
  const socket = net.connect({ host, port: Number(port), allowHalfOpen: true }, () => {
    stream.respond({ ':status': 200 });
    stream.pipe(socket);
    socket.pipe(stream);
  });
  stream.on('close', () => socket.destroy());
  socket.on('error', () => {
    // close() would send END_STREAM before RST_STREAM: the reset would come too late to be one.
    if (stream.headersSent) stream.destroy(new Error('the far side reset its connection'));
    else stream.respond({ ':status': 502 }, { endStream: true });
  });
}

const options = { ...config.session, settings: config.settings ?? {} };
const server = config.key
  ? http2.createSecureServer({
    ...options, key: readFileSync(config.key), cert: readFileSync(config.cert), allowHTTP1: false,
  })
  : http2.createServer(options);

// A session's own socket refuses to be ended; the one below it does not.
server.prependListener(config.key ? 'secureConnection' : 'connection', (socket) => {
  accepted = socket;
});
server.on('session', (session) => {
  sessions += 1;
  sockets.set(session, accepted);
  session.on('close', () => sockets.delete(session));
  session.on('error', (error) => console.error('session', error.message));
});
server.on('stream', (stream, headers) => {
  stream.on('error', (error) => console.error('stream', error.message));
  if (headers[':method'] === 'CONNECT') {
    connect(stream, headers);
    return;
  }
  const [, name, ...rest] = headers[':path'].split('?')[0].split('/');
  const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
  if (answer === undefined) {
    stream.respond({ ':status': 404 });
    stream.end('not found\n');
    return;
  }
  answer(stream, headers, ...rest);
});
server.listen(config.port, '127.0.0.1', () => console.log(`listening on ${config.port}`));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
