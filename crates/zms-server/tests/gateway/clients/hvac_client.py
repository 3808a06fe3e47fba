"""What hvac does with a KV version 2 mount: address, an administrator's token, a reader's token."""

import sys

import hvac
from hvac import exceptions

address, root, child = sys.argv[1:4]
client = hvac.Client(url=address, token=root)
assert client.is_authenticated()
assert client.sys.is_initialized() and not client.sys.is_sealed()
kv = client.secrets.kv.v2

first = kv.create_or_update_secret("py/app", {"A": "1", "N": 5}, cas=0)
assert first["data"]["version"] == 1
try:
    kv.create_or_update_secret("py/app", {"A": "2"}, cas=0)
    raise AssertionError("check-and-set passed")
except exceptions.InvalidRequest as error:
    assert "check-and-set" in str(error)
kv.patch("py/app", {"B": "2"})
read = kv.read_secret_version("py/app", raise_on_deleted_version=True)
assert read["data"]["data"] == {"A": "1", "B": "2", "N": 5}, read
assert kv.read_secret_version("py/app", version=1, raise_on_deleted_version=True)["data"]["data"]["A"] == "1"
assert "app" in kv.list_secrets("py")["data"]["keys"]
assert "app" in client.list("secret/metadata/py")["data"]["keys"]
kv.delete_latest_version_of_secret("py/app")
try:
    kv.read_secret_version("py/app", raise_on_deleted_version=True)
    raise AssertionError("a deleted version was read")
except exceptions.InvalidPath:
    pass
deleted = kv.read_secret_version("py/app", raise_on_deleted_version=False)
assert deleted["data"]["metadata"]["deletion_time"]
kv.undelete_secret_versions("py/app", [read["data"]["metadata"]["version"]])
assert kv.read_secret_version("py/app", raise_on_deleted_version=True)["data"]["data"]["B"] == "2"
kv.destroy_secret_versions("py/app", [1])
kv.update_metadata("py/app", max_versions=3, cas_required=False, custom_metadata={"owner": "me"})
metadata = kv.read_secret_metadata("py/app")["data"]
assert metadata["versions"]["1"]["destroyed"] and metadata["custom_metadata"] == {"owner": "me"}
assert kv.read_configuration()["data"]["max_versions"] == 0
kv.delete_metadata_and_all_versions("py/app")
try:
    kv.read_secret_metadata("py/app")
    raise AssertionError("it is still there")
except exceptions.InvalidPath:
    pass

client.sys.enable_secrets_engine("kv", path="pymount", options={"version": "2"})
assert "pymount/" in client.sys.list_mounted_secrets_engines()["data"]
kv.create_or_update_secret("x", {"K": "v"}, mount_point="pymount")
assert kv.read_secret_version("x", mount_point="pymount", raise_on_deleted_version=True)["data"]["data"] == {"K": "v"}
client.sys.disable_secrets_engine("pymount")

made = client.auth.token.create(policies=["read:app"], ttl="1h")
assert made["auth"]["policies"] == ["read:app"]
client.auth.token.revoke_accessor(made["auth"]["accessor"])
assert not hvac.Client(url=address, token=made["auth"]["client_token"]).is_authenticated()

made = client.write_data("auth/token/create", data={"policies": ["read:app"]}, wrap_ttl="60s")["wrap_info"]
looked = client.write_data("sys/wrapping/lookup", data={"token": made["token"]})["data"]
assert looked["creation_path"] == "auth/token/create" and looked["creation_ttl"] == 60
auth = hvac.Client(url=address).sys.unwrap(token=made["token"])["auth"]
assert auth["accessor"] == made["wrapped_accessor"]
try:
    hvac.Client(url=address).sys.unwrap(token=made["token"])
    raise AssertionError("it was unwrapped twice")
except exceptions.InvalidRequest:
    pass
wrapped = client.sys.wrap(payload={"K": "v"}, ttl=60)["wrap_info"]
assert client.sys.unwrap(token=wrapped["token"])["data"] == {"K": "v"}

reader = hvac.Client(url=address, token=child)
own = reader.auth.token.lookup_self()["data"]
assert own["type"] == "service" and isinstance(own["ttl"], int) and own["expire_time"]
assert reader.secrets.kv.v2.read_secret_version("app", raise_on_deleted_version=True)["data"]["data"] == {"A": "1"}
try:
    reader.secrets.kv.v2.create_or_update_secret("app", {"A": "2"})
    raise AssertionError("a reader wrote")
except exceptions.Forbidden:
    pass
role = hvac.Client(url=address)
role.auth.approle.login(role_id=own["accessor"], secret_id=child)
assert role.is_authenticated()
print("ok")
