import Core
import Testing
import Wire

/// Risk: what a user has said is taken for somebody else's, or for something else.
struct ContactControlTests {
    private func note(_ line: String) -> (profile: ContactProfile, user: String)? {
        var script = Script()
        script.control(line)
        guard case .note(let profile, let user) = script.actions.first else { return nil }
        return (profile, String(decoding: user, as: UTF8.self))
    }

    @Test func `consent is taken as it is said`() throws {
        for granted in [true, false] {
            let said = try #require(note(#"{"$consent":{"user":"u1","granted":\#(granted)}}"#))
            #expect(said.user == "u1")
            #expect(said.profile.granted == granted)
            #expect(said.profile.name == "")
        }
    }

    @Test func `a profile may say any of its parts`() throws {
        let said = try #require(
            note(#"{"$profile":{"user":"u1","name":"김민지","language":"KO","timezone":"Asia/Seoul"}}"#))
        #expect(said.profile.name == "김민지")
        #expect(said.profile.language == "ko")
        #expect(said.profile.zone == "Asia/Seoul")
        #expect(said.profile.granted == nil)
        #expect(note(#"{"$profile":{"user":"u1","consent":false}}"#)?.profile.granted == false)
    }

    @Test func `it stands between the lines before and after it`() {
        var script = Script()
        script.lines(batch("a,1,x"))
        script.control(#"{"$consent":{"user":"a","granted":false}}"#)
        script.lines(batch("a,2,x"))
        let kinds = script.actions.map { if case .note = $0 { "note" } else { "submit" } }
        #expect(kinds == ["submit", "note", "submit"])
    }
}
