import Core

extension Router {
    /// `POST /v1/backup` with `{"directory":PATH}`: answers when the copy is whole and on disk.
    func backup(_ body: [UInt8]) async throws(Refusal) -> HTTPResponse {
        let tree: JSONValue
        do throws(JSONReadError) { tree = try JSONReader.parse(body) } catch {
            throw Refusal(400, "bad_json", "the body is not JSON: \(error)")
        }
        guard case .string(let directory)? = tree["directory"] else {
            throw Refusal(400, "bad_directory", "the body must be {\"directory\":PATH}")
        }
        do throws(StatusFailure) {
            let backup = try await source.backup(to: directory)
            return HTTPResponse(json: jsonBytes { $0.value(backup) })
        } catch {
            throw Refusal(error)
        }
    }
}

extension JSONWriter {
    mutating func value(_ backup: BackupView) {
        beginObject()
        key("directory")
        value(backup.directory)
        key("record")
        value(backup.record)
        key("files")
        value(backup.files)
        key("bytes")
        value(backup.bytes)
        key("seconds")
        value(backup.seconds)
        endObject()
    }
}
