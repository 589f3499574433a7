import Core
import Testing
import Wire

/// Risk: a control line is read as something it does not say.
struct ConnectionControlLineTests {
    private func read(_ text: String) throws(ControlFailure) -> ControlLine {
        let bytes = Array(text.utf8)
        let result: Result<ControlLine, ControlFailure> = bytes.withUnsafeBytes { raw in
            do throws(ControlFailure) { return .success(try ControlLine(raw)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    @Test func `what is not strict JSON is refused with its reason and place`() {
        #expect(throws: ControlFailure.syntax(JSONReadError(.unexpectedByte, at: 13))) {
            try read("{\"$hello\":{},}")
        }
        #expect(throws: ControlFailure.syntax(JSONReadError(.repeatedKey, at: 17))) {
            try read("{\"$hello\":{\"a\":1,\"a\":2}}")
        }
    }

    @Test func `nesting is bounded as for any other line`() throws {
        let arrays = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(throws: Never.self) { _ = try read("{\"$sync\":{\"a\":\(arrays(30))}}") }
        #expect(throws: ControlFailure.syntax(JSONReadError(.tooDeep, at: 44))) {
            try read("{\"$sync\":{\"a\":\(arrays(31))}}")
        }
    }

    @Test(arguments: ["1", "[]", "{}", "{\"$a\":{},\"$b\":{}}", "{\"a\":{}}", "{\"$a\":1}"])
    func `what has another shape is refused`(text: String) {
        #expect(throws: ControlFailure.shape) { try read(text) }
    }

    @Test func `a control line is known by its first bytes`() {
        #expect(ControlLine.begins(Array("  {\"$sync\":{}}".utf8)))
        #expect(!ControlLine.begins(Array("{\"user\":\"$\"}".utf8)))
        #expect(!ControlLine.begins(Array("{".utf8)))
        #expect(!ControlLine.begins([UInt8]()))
    }
}
