import Testing

@testable import Status

/// The page is whole, asks nothing of anybody else, and is not sent twice.
@Suite struct DashboardTests {
    /// `src`, `href` and `import` targets of a file, as paths of this port.
    private func references(_ text: String, from path: String) -> [String] {
        let folder = path == "/" ? "/" : String(path[...path.lastIndex(of: "/")!])
        let found =
            text.matches(of: #/(?:src|href)="([^"#]+)"/#).map { String($0.1) }
            + text.matches(of: #/from "([^"]+)"/#).map { String($0.1) }
        return found.map { reference in
            var parts = folder.split(separator: "/").map(String.init)
            for part in reference.split(separator: "/").map(String.init) where part != "." {
                if part == ".." { parts.removeLast() } else { parts.append(part) }
            }
            return "/" + parts.joined(separator: "/")
        }
    }

    @Test func `everything the page refers to is served, and nothing lies there unused`() async throws {
        let daemon = try Daemon()
        var open = ["/"]
        var seen: Set<String> = []
        while let path = open.popLast() {
            guard seen.insert(path).inserted else { continue }
            let answer = try await daemon.get(path)
            #expect(answer.status == 200, "\(path)")
            open += references(answer.text, from: path)
        }
        #expect(seen == Set(DashboardFiles.shared.files.keys))
    }

    @Test func `no file of the page names another host`() {
        for (path, file) in DashboardFiles.shared.files {
            let text = String(decoding: file.bytes, as: UTF8.self)
            for host in text.matches(of: #/(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}/#) {
                #expect(host.0.hasSuffix("www.w3.org"), "\(path) names \(host.0)")
            }
        }
    }

    @Test func `no file of the page makes markup or code of data`() {
        let words = [
            "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
            " style=\"",
        ]
        for (path, file) in DashboardFiles.shared.files {
            let text = String(decoding: file.bytes, as: UTF8.self)
            for word in words { #expect(!text.contains(word), "\(path) has \(word)") }
        }
    }

    @Test func `each file carries its type and a policy that allows this port alone`() async throws {
        let daemon = try Daemon()
        for (path, type) in [
            ("/", "text/html; charset=utf-8"), ("/dashboard/main.js", "text/javascript; charset=utf-8"),
            ("/dashboard/style.css", "text/css; charset=utf-8"), ("/dashboard/mark.svg", "image/svg+xml"),
        ] {
            let answer = try await daemon.get(path)
            #expect(answer.header("Content-Type") == type)
            #expect(
                answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'; script-src 'self';")
                    == true)
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
        }
        #expect(try await daemon.get("/dashboard/other.js").status == 404)
        #expect(try await daemon.ask("POST", "/", body: []).status == 405)
    }

    @Test func `a browser that has a file is told so, and asks again after a change`() async throws {
        let daemon = try Daemon()
        let first = try await daemon.get("/dashboard/main.js")
        let tag = try #require(first.header("ETag"))
        #expect(first.header("Cache-Control") == "no-cache")
        for known in [tag, "W/\(tag)", "\"other\", \(tag)"] {
            let again = try await daemon.ask(
                "GET", "/dashboard/main.js", headers: ["If-None-Match: \(known)"])
            #expect(again.status == 304)
            #expect(again.body.isEmpty)
        }
        #expect(
            try await daemon.ask("GET", "/dashboard/main.js", headers: ["If-None-Match: \"other\""]).status
                == 200)
        #expect(try await daemon.get("/").header("ETag") != tag)
    }

    @Test func `the page is given without the token that its questions need`() async throws {
        let daemon = try Daemon(token: "secret")
        #expect(try await daemon.get("/").status == 200)
        #expect(try await daemon.get("/dashboard/main.js").status == 200)
        #expect(try await daemon.get("/v1/status").status == 401)
    }
}
