import CDashboard
import Core

/// The files of the dashboard, compiled into the binary: the page at `/`, the rest under `/dashboard/`.
///
/// They hold nothing of the shop, so they are given without a token; the page asks for one where the port
/// has one. Every file carries a policy that lets the page load, and ask, from this port alone.
struct DashboardFiles: Sendable {
    struct File: Sendable {
        var contentType: String
        var bytes: [UInt8]
        /// Of the content, so that a browser asks again and is told that nothing has changed.
        var tag: String
    }

    static let shared = DashboardFiles()

    let files: [String: File]

    static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    init() {
        var files: [String: File] = [:]
        for file in UnsafeBufferPointer(start: roost_page_files, count: roost_page_file_count) {
            let bytes = Array(UnsafeBufferPointer(start: file.bytes, count: file.length))
            let hash = StableHash.hash128(bytes)
            files[String(cString: file.path)] = File(
                contentType: String(cString: file.content_type), bytes: bytes,
                tag: "\"\(TriggerID(high: hash.0, low: hash.1).text)\"")
        }
        self.files = files
    }

    /// - Parameter known: the client's `If-None-Match`.
    func response(_ path: String, known: String?) throws(Refusal) -> HTTPResponse {
        guard let file = files[path] else {
            throw Refusal(404, "unknown_path", "nothing is served at \(path.prefix(200))")
        }
        let isKnown = known.map { matches($0, file.tag) } ?? false
        var response = HTTPResponse(text: isKnown ? [] : file.bytes, contentType: file.contentType)
        if isKnown { response.status = 304 }
        response.cacheControl = "no-cache"
        response.headers = [
            .init(name: "ETag", value: file.tag),
            .init(name: "Content-Security-Policy", value: DashboardFiles.policy),
            .init(name: "Referrer-Policy", value: "no-referrer"),
            .init(name: "Cross-Origin-Opener-Policy", value: "same-origin"),
            .init(name: "Cross-Origin-Resource-Policy", value: "same-origin"),
        ]
        return response
    }

    private func matches(_ header: String, _ tag: String) -> Bool {
        header.split(separator: ",").contains { part in
            let text = part.trimmingPrefix(while: { $0 == " " })
            return text == "*" || text == tag || text == "W/\(tag)"
        }
    }
}
