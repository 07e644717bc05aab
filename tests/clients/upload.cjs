// Uploads a photograph with the vendor's own client: node upload.cjs <endpoint> <id> <secret> <album> <file>
// Prints the image that the server answered, as JSON. NODE_PATH names the folder with the package `sharinpix`.
const Sharinpix = require("sharinpix");
const [endpoint, id, secret, album, file] = process.argv.slice(2);
Sharinpix.configure({ endpoint, id, secret });
Sharinpix.get_instance()
  .upload(file, album, { inspection: 7 })
  .then((image) => console.log(JSON.stringify(image)))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
