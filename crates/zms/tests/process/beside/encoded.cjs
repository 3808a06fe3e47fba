// Prints each secret as Node's encoders write it.
const lines = [];
for (const [name, value] of Object.entries(process.env)) {
  if (!/^(ALL|S[0-9]+)$/.test(name)) continue;
  const url = new URL("http://host/");
  url.password = value;
  const forms = {
    json: JSON.stringify(value).slice(1, -1),
    encodeURI: encodeURI(value),
    encodeURIComponent: encodeURIComponent(value),
    form: new URLSearchParams({ "": value }).toString().slice(1),
    password: url.password,
    path: set("pathname", `/=${value}=`).slice(2, -1),
    query: set("search", `?=${value}=`).slice(2, -1),
    querystring: require("node:querystring").escape(value),
  };
  // There a backslash becomes a slash and dots are steps: the value is another one.
  if (/\\|\/\.\.?\//.test(value)) forms.path = "***";
  for (const [kind, form] of Object.entries(forms)) lines.push(`${name} ${kind} <${form}>\n`);
}
process.stdout.write(lines.join(""));

function set(part, text) {
  const url = new URL("http://host/");
  url[part] = text;
  return url[part];
}
