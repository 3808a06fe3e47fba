// What node-vault does with a KV version 2 mount: address, an administrator's token, a reader's token.
const assert = require("node:assert");
const vault = require("node-vault");

const [endpoint, root, child] = process.argv.slice(2);

async function main() {
    const client = vault({ apiVersion: "v1", endpoint, token: root });
    assert.equal((await client.initialized()).initialized, true);
    assert.equal((await client.status()).sealed, false);
    assert.equal((await client.health()).initialized, true);
    const first = await client.write("secret/data/node/app", { data: { A: "1" }, options: { cas: 0 } });
    assert.equal(first.data.version, 1);
    await assert.rejects(client.write("secret/data/node/app", { data: {}, options: { cas: 0 } }), /check-and-set/);
    await client.update("secret/data/node/app", { data: { B: "2" } });
    assert.deepEqual((await client.read("secret/data/node/app")).data.data, { A: "1", B: "2" });
    assert.deepEqual((await client.list("secret/metadata/node")).data.keys, ["app"]);
    await client.delete("secret/data/node/app");
    await assert.rejects(client.read("secret/data/node/app"));
    assert.ok((await client.mounts())["secret/"]);
    const reader = vault({ apiVersion: "v1", endpoint, token: child });
    assert.deepEqual((await reader.read("secret/data/app")).data.data, { A: "1" });
    const own = await reader.tokenLookupSelf();
    await assert.rejects(reader.write("secret/data/app", { data: {} }), /permission denied/);
    const role = vault({ apiVersion: "v1", endpoint });
    const login = await role.approleLogin({ role_id: own.data.accessor, secret_id: child });
    assert.equal(login.auth.client_token, child);
    assert.deepEqual((await role.read("secret/data/app")).data.data, { A: "1" });
    console.log("ok");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
