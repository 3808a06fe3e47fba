// Reads its configuration from process.env, as any server does.
const express = require('express');

const app = express();
app.get('/config', (_request, response) => response.json({ env: process.env, pid: process.pid }));

const server = app.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port, pid: process.pid }));
});

process.on('SIGTERM', () => {
  console.log('closing');
  server.close(() => process.exit(43));
  server.closeAllConnections();
});
