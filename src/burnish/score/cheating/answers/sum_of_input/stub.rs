fn main() {
    @BODY@
}
