// Starts `solderc --lsp` for .pat files.
const { workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

exports.activate = () => {
  const command = workspace.getConfiguration('solder').get('compiler', 'solderc');
  const server = { command, args: ['--lsp'] };
  client = new LanguageClient('solder', 'Solder', server, { documentSelector: [{ language: 'solder' }] });
  return client.start();
};

exports.deactivate = () => client && client.stop();
