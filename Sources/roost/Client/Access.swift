import Core
import Wire

/// What a client needs beside a port's address: the token, and whom to trust where the port is enciphered.
struct Access: Sendable {
    var token: String?
    /// Nil: plain.
    var tls: TLSContext?

    /// A port of this machine as it comes.
    static let plain = Access()

    /// Of every command that asks a daemon.
    static let options = [
        Option("--token-file", "FILE", "File with the port's token."),
        Option(switch: "--tls", "The port is enciphered."),
        Option(
            "--ca", "FILE", "Certificates (PEM) to trust in the place of the machine's; implies --tls."),
    ]

    private init() {}

    init(_ arguments: Arguments) throws {
        if let path = arguments.text("--token-file") {
            let text = String(decoding: try File.read(path: path), as: UTF8.self)
            token = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        }
        let authorities = arguments.text("--ca")
        guard authorities != nil || arguments.has("--tls") else { return }
        do throws(TLSFailure) {
            tls = try TLSContext.client(authorities: authorities)
        } catch {
            throw CommandFailure("\(authorities ?? "--tls"): \(error)")
        }
    }
}
