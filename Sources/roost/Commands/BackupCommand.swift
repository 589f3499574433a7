import Core
import Glibc

let backupCommand = Command(
    name: "backup", summary: "Copies a running daemon's data directory.",
    operandsName: "DIR", operands: 1...1,
    options: [
        Option("--address", "HOST:PORT", "Status port; default 127.0.0.1:7003.")
    ] + Access.options,
    notes: """
        The daemon itself writes into DIR, on its own machine; DIR is empty or not there yet, its parent is.
        When the command ends, the copy is whole, read back and on disk. To restore it, stop the daemon and
        start it with a copy of DIR as data_dir: at its first start it checks every file and takes a new store
        id, which producers are welcomed with. What was erased since the backup is in it; put the
        erasures.ndjson of the store that was lost in place of the one in the copy before the first start, and
        it is erased there too.
        """
) { arguments in
    let target = try absolute(arguments.operands[0])
    let address = try arguments.address("--address", default: Settings().listen.status.address)
    var body = JSONWriter()
    body.beginObject()
    body.key("directory")
    body.value(target)
    body.endObject()
    let answer = try HTTPClient.post("/v1/backup", body.bytes, to: address, by: try Access(arguments))
    let files = answer["files"]?.whole ?? 0
    let bytes = answer["bytes"]?.whole ?? 0
    try File(borrowing: 1).write(
        "\(target): journal to record \(answer["record"]?.whole ?? 0), \(files) files, \(bytes) bytes\n")
    return ExitCode.done
}

/// The daemon does not know where the command was called.
private func absolute(_ path: String) throws -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if path.hasPrefix("/") { return path }
    guard let here = getcwd(nil, 0) else { throw SystemFailure("cannot tell the working directory") }
    defer { free(here) }
    return "\(String(cString: here))/\(path)"
}
