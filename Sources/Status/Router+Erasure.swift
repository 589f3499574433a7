import Core

extension Router {
    /// `DELETE /v1/users/ID`: 202 and where to ask about it.
    func erase(_ user: [UInt8]) async throws(Refusal) -> HTTPResponse {
        do throws(StatusFailure) {
            let erasure = try await source.erase(user)
            var response = HTTPResponse(status: 202, json: jsonBytes { $0.value(erasure) })
            response.headers.append(.init(name: "Location", value: "/v1/erasures/\(erasure.receipt)"))
            return response
        } catch {
            throw Refusal(error)
        }
    }

    /// `GET /v1/erasures/RECEIPT`.
    func erasure(_ receipt: String) async throws(Refusal) -> HTTPResponse {
        let found: ErasureView?
        do throws(StatusFailure) { found = try await source.erasure(receipt) } catch { throw Refusal(error) }
        guard let found else {
            throw Refusal(404, "unknown_receipt", "no erasure has the receipt \(receipt.prefix(100))")
        }
        return HTTPResponse(json: jsonBytes { $0.value(found) })
    }
}

extension JSONWriter {
    mutating func value(_ erasure: ErasureView) {
        beginObject()
        key("receipt")
        value(erasure.receipt)
        key("state")
        value(erasure.doneAt == nil ? "pending" : "done")
        key("requested_at")
        value(erasure.requestedAt)
        if let dueAt = erasure.dueAt {
            key("due_at")
            value(dueAt)
        }
        if let doneAt = erasure.doneAt {
            key("done_at")
            value(doneAt)
        }
        key("removed")
        value(erasure.removed, isDone: erasure.doneAt != nil)
        notice()
        endObject()
    }

    private mutating func value(_ removed: ErasureView.Removed, isDone: Bool) {
        beginObject()
        // Before the files are done only the state's own count is known.
        for (name, path) in ErasureView.Removed.counts where isDone || name == "events" {
            key(name)
            value(removed[keyPath: path])
        }
        endObject()
        if let search = removed.search {
            key("search")
            beginObject()
            key("bytes")
            value(search.bytes)
            key("found")
            value(search.found)
            endObject()
        }
    }

    /// What the daemon does not reach.
    private mutating func notice() {
        key("not_erased")
        beginArray()
        value("backups taken before this was requested")
        endArray()
    }
}
