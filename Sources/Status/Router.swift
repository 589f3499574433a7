import Core

/// From a request to its answer: asks the daemon through `StatusSource` and encodes what it says.
struct Router: Sendable {
    /// A request that may go on: what is asked, with which parameters.
    struct Call: Sendable {
        var route: Route
        var parameters: Parameters
        var method: String
        var isGzip: Bool
    }

    let source: any StatusSource
    let token: String?
    let bodyBytes: Int

    /// Everything that can be said before the body has come.
    func admit(_ head: RequestHead) throws(Refusal) -> Call {
        let target = RequestTarget(head.target)
        let found = Result { () throws(Refusal) in try Route(path: target.path) }
        if case .success(let route) = found, route.isOpen {} else { try authorize(head) }
        let route = try found.get()
        try check(method: head.method, of: route)
        if case .unbuilt(let what) = route {
            throw Refusal(501, "not_implemented", "\(what) not part of this version")
        }
        if let length = head.contentLength, length > bodyBytes { throw tooLarge }
        return Call(
            route: route,
            parameters: try Parameters(
                query: target.query, known: route.parameters, isFree: route.hasFreeParameters),
            method: head.method, isGzip: try isGzip(head, of: route))
    }

    var tooLarge: Refusal {
        Refusal(
            413, "body_too_large", "a body may have \(bodyBytes) bytes; send the lines in several requests")
    }

    private func authorize(_ head: RequestHead) throws(Refusal) {
        guard let token else { return }
        let given = head.authorization ?? ""
        let scheme = "bearer "
        guard given.prefix(scheme.count).lowercased() == scheme,
            isSame(given.dropFirst(scheme.count).utf8, token.utf8)
        else {
            throw Refusal(
                401, "unauthorized", "this port needs Authorization: Bearer with the configured token",
                header: .init(name: "WWW-Authenticate", value: "Bearer realm=\"roost\""))
        }
    }

    /// Compares without telling by its time where two secrets part.
    private func isSame(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        var difference: UInt8 = a.count == b.count ? 0 : 1
        for (x, y) in zip(a, b) { difference |= x ^ y }
        return difference == 0
    }

    private func check(method: String, of route: Route) throws(Refusal) {
        guard !route.methods.contains(method) else { return }
        let allowed = route.methods.joined(separator: ", ")
        throw Refusal(
            405, "method_not_allowed", "\(method.prefix(20)) is not answered here, \(allowed) is",
            header: .init(name: "Allow", value: allowed))
    }

    private func isGzip(_ head: RequestHead, of route: Route) throws(Refusal) -> Bool {
        guard route == .events else { return false }
        switch (head.contentEncoding ?? "identity").lowercased() {
        case "identity", "": return false
        case "gzip", "x-gzip": return true
        case let other:
            throw Refusal(
                415, "unknown_encoding", "Content-Encoding \(other.prefix(40)) is not read; gzip is",
                header: .init(name: "Accept-Encoding", value: "gzip"))
        }
    }

    func respond(to call: Call, body: [UInt8]) async -> HTTPResponse {
        do throws(Refusal) {
            var response = try await answer(call, body: body)
            response.isHead = call.method == "HEAD"
            return response
        } catch {
            return HTTPResponse(error)
        }
    }

    private func answer(_ call: Call, body: [UInt8]) async throws(Refusal) -> HTTPResponse {
        switch call.route {
        case .health: return verdict(await source.health(), good: "ok", bad: "unhealthy")
        case .readiness: return verdict(await source.readiness(), good: "ready", bad: "not_ready")
        case .metrics: return try await metrics()
        case .status:
            let status = await source.status()
            return HTTPResponse(json: jsonBytes { $0.value(status) })
        case .segments: return try await segments(call.parameters)
        case .user(let id) where call.method == "DELETE": return try await erase(id)
        case .user(let id): return try await user(id)
        case .erasure(let receipt): return try await erasure(receipt)
        case .backup: return try await backup(body)
        case .analysis(let name): return try await analysis(name, call.parameters)
        case .users: return try await users(call)
        case .models: return await models()
        case .model(let name): return try await model(name)
        case .refit(let name): return try await refit(name)
        case .use(let name): return try await use(name, call.parameters)
        case .triggers: return try triggers(call.parameters)
        case .deadLetters: return try deadLetters(call.parameters)
        case .events: return try await events(body, isGzip: call.isGzip)
        case .unbuilt(let what): throw Refusal(501, "not_implemented", "\(what) not part of this version")
        }
    }

    private func verdict(_ trouble: String?, good: String, bad: String) -> HTTPResponse {
        if let trouble { return HTTPResponse(Refusal(503, bad, trouble)) }
        return HTTPResponse(
            json: jsonBytes { json in
                json.beginObject()
                json.key("status")
                json.value(good)
                json.endObject()
            })
    }

    private func segments(_ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let name = try parameters.text("by")
        do throws(StatusFailure) {
            let segments = try await source.segments(by: name)
            return HTTPResponse(json: jsonBytes { $0.value(segments) })
        } catch {
            throw Refusal(error)
        }
    }

    private func analysis(_ name: String, _ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let query = try parameters.texts()
        do throws(StatusFailure) {
            let answer = try await source.analysis(name, query)
            return HTTPResponse(json: jsonBytes { $0.value(answer) })
        } catch {
            throw Refusal(error)
        }
    }

    private func metrics() async throws(Refusal) -> HTTPResponse {
        let segments: SegmentsView
        do throws(StatusFailure) { segments = try await source.segments(by: nil) } catch {
            throw Refusal(error)
        }
        let metrics = Metrics(
            counters: source.counters, status: await source.status(), segments: segments)
        return HTTPResponse(text: metrics.bytes, contentType: Metrics.contentType)
    }

    private func user(_ id: [UInt8]) async throws(Refusal) -> HTTPResponse {
        guard let user = await source.user(id) else {
            throw Refusal(404, "unknown_user", "no event of this user has been seen")
        }
        return HTTPResponse(json: jsonBytes { UserEncoder().encode(user, into: &$0) })
    }

    private func users(_ call: Call) async throws(Refusal) -> HTTPResponse {
        // No tier's name has a plus; forms write the space of `At Risk` as one.
        let tier = try call.parameters.text("tier").map { String($0.map { $0 == "+" ? " " : $0 }) }
        let filter = UserFilter(
            segment: try call.parameters.text("segment"), segmentation: try call.parameters.text("by"),
            tier: tier, grade: try call.parameters.text("grade"))
        let list: any UserList
        do throws(StatusFailure) {
            list = try await source.users(filter)
        } catch {
            throw Refusal(error)
        }
        var response = HTTPResponse(pieces: UserPieces(list: list), contentType: "application/x-ndjson")
        for prefix in [("as_of", "last_seq"), ("X-Roost-As-Of", "X-Roost-Last-Seq")] {
            response.headers.append(.init(name: prefix.0, value: list.asOf.description))
            response.headers.append(.init(name: prefix.1, value: String(list.lastSeq)))
        }
        return response
    }

    private func models() async -> HTTPResponse {
        let models = await source.models()
        return HTTPResponse(
            json: jsonBytes { json in
                json.beginObject()
                json.key("models")
                json.beginArray()
                for model in models { json.value(model, history: nil) }
                json.endArray()
                json.endObject()
            })
    }

    private func model(_ name: String) async throws(Refusal) -> HTTPResponse {
        guard let model = await source.model(name) else {
            throw Refusal(404, "unknown_model", "no model \(name.prefix(100)) has been fitted")
        }
        return HTTPResponse(json: jsonBytes { $0.value(model.current, history: model.history) })
    }

    private func refit(_ name: String) async throws(Refusal) -> HTTPResponse {
        do throws(StatusFailure) {
            let answer = try await source.refit(name)
            return HTTPResponse(json: jsonBytes { $0.value(answer) })
        } catch {
            throw Refusal(error)
        }
    }

    private func use(_ name: String, _ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let version = try parameters.number("version", in: 0...Int64(Int32.max), default: 0)
        guard version > 0 else { throw .badParameter("version", "says which version, a number from 1") }
        do throws(StatusFailure) {
            let answer = try await source.use(name, version: Int(version))
            return HTTPResponse(json: jsonBytes { $0.value(answer) })
        } catch {
            throw Refusal(error)
        }
    }

    private func triggers(_ parameters: Parameters) throws(Refusal) -> HTTPResponse {
        let types = try parameters.text("type")?.split(separator: ",").map(String.init)
        let filter = TriggerFilter(
            types: types, user: parameters.bytes("user"),
            includeHoldout: try parameters.flag("include_holdout", default: true),
            includeStale: try parameters.flag("include_stale", default: true))
        return HTTPResponse(
            pieces: TriggerPieces(
                source: source, after: try parameters.number("after", in: 0...Int64.max, default: 0),
                limit: Int(try parameters.number("limit", in: 1...1_000_000, default: 1000)), filter: filter))
    }

    private func deadLetters(_ parameters: Parameters) throws(Refusal) -> HTTPResponse {
        HTTPResponse(
            pieces: DeadLetterPieces(
                source: source, after: try parameters.number("after", in: 0...Int64.max, default: 0),
                limit: Int(try parameters.number("limit", in: 1...1_000_000, default: 1000))))
    }

    private func events(_ body: [UInt8], isGzip: Bool) async throws(Refusal) -> HTTPResponse {
        do throws(StatusFailure) {
            let answer = try await source.ingest(body, gzip: isGzip)
            return HTTPResponse(json: jsonBytes { $0.value(answer) })
        } catch {
            throw Refusal(error)
        }
    }
}
